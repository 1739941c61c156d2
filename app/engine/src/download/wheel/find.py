"""Prints where the user's own pip would get one wheel from, as one line of JSON. Downloads nothing.

Run as `python3 find.py NAME VERSION`. It speaks to pip's insides, because pip has no public way to ask this; when
they have changed it fails, and the caller falls back to pip's command line.
"""
import json
import sys
from urllib.parse import urlsplit, urlunsplit

from pip._internal.commands import create_command


def main(name, version):
    command = create_command("download")
    options, _ = command.parse_args(["--no-deps", "--only-binary=:all:", "--quiet", f"{name}=={version}"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session, ignore_requires_python=True)
        wanted = [one for one in finder.find_all_candidates(name) if str(one.version) == version and one.link.is_wheel]
        if not wanted:
            raise SystemExit(f"no wheel of {name} {version} in the index")
        link = wanted[-1].link
        url, user, password = without_credentials(session, link.url_without_fragment)
        digest = link.hash if link.hash_name == "sha256" else None
    print("STEADFAST " + json.dumps({"url": url, "sha256": digest, "user": user, "password": password}))


def without_credentials(session, url):
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url, None, None
    asked = getattr(session.auth, "_get_url_and_credentials", None)
    bare, user, password = asked(url) if asked else (url, parts.username, parts.password)
    host = urlsplit(bare).netloc.rpartition("@")[2]
    return urlunsplit(urlsplit(bare)._replace(netloc=host)), user, password


main(sys.argv[1], sys.argv[2])
