"""`python -m tools.aws --port N`: the fast local AWS by itself. Runs until SIGTERM."""

import argparse

from tools.aws.server import make_server


def main() -> None:
    """Run it where the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.aws", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    make_server(given.host, given.port).run()


if __name__ == "__main__":
    main()
