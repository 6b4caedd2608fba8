"""`make check-account`: what would make a first deployment fail late, found before anything is created."""
