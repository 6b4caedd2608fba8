"""HTTP/1.1 in the front process: connections, requests' bodies, routes and answers."""
