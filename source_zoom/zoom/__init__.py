"""What Zoom's API is: endpoints, meanings of answers, rate limits, tokens, transport."""
