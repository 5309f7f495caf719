"""A single-user server that runs and never listens. One that listens and says nothing the Hub waits for
longer than `http_timeout`: until the request for it has timed out."""

import time

time.sleep(600)
