"""`python -m tools.aws --port N`: runs the fast local AWS until SIGTERM."""

import argparse

from tools.aws.server import make_server


def main() -> None:
    """Run the server at the given address."""
    parser = argparse.ArgumentParser(prog="python -m tools.aws", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    make_server(given.host, given.port).run()


if __name__ == "__main__":
    main()
