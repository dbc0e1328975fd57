"""Counts visitors: the application of the example, on nothing but Python's own library."""

import argparse
import http.server
import pathlib


class Visits(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the number of visits so far."""

    data: pathlib.Path

    def do_GET(self):
        visits = read(self.data / "visits") + 1
        draft = self.data / "visits.new"
        draft.write_text(f"{visits}\n")
        draft.rename(self.data / "visits")
        body = f"visits: {visits}\nstarts: {read(self.data / 'starts')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def read(file):
    return int(file.read_text()) if file.exists() else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    if arguments.report:
        print(f"{read(arguments.data / 'visits')} visits so far", flush=True)
        return
    Visits.data = arguments.data
    http.server.HTTPServer(("127.0.0.1", arguments.port), Visits).serve_forever()


if __name__ == "__main__":
    main()
