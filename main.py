"""Run the connector from a checkout or inside the image; an installation has the command `source-zoom`."""

from source_zoom.run import main

if __name__ == "__main__":
    main()
