"""Bodies to arrays, and arrays to bodies: the content types of requests and answers."""
