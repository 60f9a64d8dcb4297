"""Where a client connects, and how: arguments first, then the environment variables of `elvesctl`."""

import os
import re
import ssl
import stat
from dataclasses import dataclass
from typing import Callable, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import SettingsError
from .frames import DEFAULT_MAX_FRAME
from .trust import server_users

PACKAGED_SOCKET = "/run/elves/elvesd.sock"
DEFAULT_PORT = 7788
MAX_SOCKET_PATH = 107
MAX_SECRET_FILE = 4096
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")
_HOST_PORT = re.compile(r"(?:\[([^\]\s]+)\]|([^:\s\[\]]+)):(\d{1,5})\Z")


@dataclass(frozen=True)
class Address:
    """A TCP address, or a Unix socket where `socket` is not ""."""
    host: str = ""
    port: int = 0
    socket: str = ""

    def __str__(self) -> str:
        if self.socket:
            return f"unix:{self.socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(given: Optional[str]) -> Address:
    """HOST:PORT, [IPv6]:PORT, unix:/PATH or /PATH. None: the packaged socket where it exists, else 127.0.0.1:7788."""
    if given is None:
        return Address(socket=PACKAGED_SOCKET) if _is_socket(PACKAGED_SOCKET) else Address("127.0.0.1", DEFAULT_PORT)
    path = given[len("unix:"):] if given.startswith("unix:") else given
    if path.startswith("/"):
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            raise SettingsError(f"server is {given!r}: the path of a socket has at most {MAX_SOCKET_PATH} bytes")
        return Address(socket=path)
    found = _HOST_PORT.match(given)
    if not found or not 1 <= int(found.group(3)) <= 65535:
        raise SettingsError(f"server is {given!r}; expected HOST:PORT, [IPv6]:PORT, or unix:/PATH of its socket")
    return Address(found.group(1) or found.group(2), int(found.group(3)))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


@dataclass(frozen=True)
class Credentials:
    key: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials(key={self.key!r}, token=…)"


def read_auth_file(path: Union[str, "os.PathLike[str]"]) -> Credentials:
    """The key and token of a file with two lines, which only its owner may use; or of a pipe."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
                raise SettingsError(f"auth_file {name} is no plain file; give another one")
            if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SettingsError(f"auth_file {name} may be used by others than its owner; chmod 600 {name}")
            text = file.read(MAX_SECRET_FILE + 1)
    except OSError as why:
        raise SettingsError(f"auth_file {name}: {why.strerror}; give a file of two lines, the key and its token") from why
    if len(text) > MAX_SECRET_FILE:
        raise SettingsError(f"auth_file {name} has over {MAX_SECRET_FILE} bytes; expected a key and its token alone")
    try:
        lines = [line.strip() for line in text.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError:
        raise SettingsError(f"auth_file {name} is no UTF-8 text; save it as UTF-8") from None
    lines = [line for line in lines if line]
    if len(lines) != 2:
        raise SettingsError(f"auth_file {name} has {len(lines)} lines with text; expected two, the key and its token")
    return Credentials(*lines)


def plain_fingerprint(pin: str) -> str:
    """A SHA-256 in 64 lower-case hex digits, from one that may have colons and capitals."""
    plain = pin.strip().replace(":", "").lower()
    if not _FINGERPRINT.match(plain):
        raise SettingsError(f"tls_pin {pin!r} is no fingerprint; expected the 64 hex digits of a certificate's SHA-256")
    return plain


@dataclass(frozen=True)
class Tls:
    """`ca` and `pins`: each that is given has to hold. `cert` and `key`: this side's certificate."""
    ca: str = ""
    pins: Tuple[str, ...] = ()
    cert: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = bool(self.ca)
        context.verify_mode = ssl.CERT_REQUIRED if self.ca else ssl.CERT_NONE  # without a CA the pin is compared
        try:
            if self.ca:
                context.load_verify_locations(self.ca)
        except (OSError, ssl.SSLError) as why:
            raise SettingsError(f"tls_ca {self.ca}: {why}; give a PEM file of certificates") from why
        try:
            if self.cert:
                context.load_cert_chain(self.cert, self.key, password=_no_passphrase)
        except (OSError, ssl.SSLError) as why:
            raise SettingsError(f"tls_cert {self.cert}, tls_key {self.key}: {why}; give PEM files of a certificate and"
                                " its private key without a passphrase") from why
        return context


def _no_passphrase() -> str:
    return ""


@dataclass(frozen=True)
class Settings:
    """What a client was made with. Times are seconds, sizes bytes."""
    address: Address
    credentials: Optional[Callable[[], Credentials]] = None  #: Asked at each connection, so that a new token counts.
    tls: Optional[Tls] = None
    server_user: Optional[str] = None
    plain: bool = False
    connect_timeout: float = 10.0
    answer_timeout: float = 10.0
    retry_for: float = 30.0
    max_frame: int = DEFAULT_MAX_FRAME
    max_inflight: int = 256


def _number(name: str, given: object, least: float, most: float) -> float:
    try:
        value = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = -1.0
    if not least <= value <= most:
        raise SettingsError(f"{name} is {given!r}; expected {least:g} to {most:g}")
    return value


def _credentials(key: Optional[str], token: Optional[str], auth_file: Union[str, "os.PathLike[str]", None],
                 environment: Mapping[str, str]) -> Optional[Callable[[], Credentials]]:
    if key is None and token is None and auth_file is None:
        key, token, auth_file = (environment.get(f"ELVES_{name}") for name in ("KEY", "TOKEN", "AUTH_FILE"))
    if auth_file is not None:
        if key is not None or token is not None:
            raise SettingsError("give either auth_file, or key and token")
        path = auth_file
        read_auth_file(path)  # an invalid file shows at once
        return lambda: read_auth_file(path)
    if (key is None) != (token is None):
        raise SettingsError("key and token go together")
    if key is None or token is None:
        return None
    credentials = Credentials(key.strip(), token.strip())
    if not credentials.key or not credentials.token:
        raise SettingsError("key or token is empty; give both, or neither")
    return lambda: credentials


def _tls(ca: Optional[str], pin: Union[str, Sequence[str], None], cert: Optional[str],
         key: Optional[str]) -> Optional[Tls]:
    given: List[str] = [] if pin is None else pin.split(",") if isinstance(pin, str) else list(pin)
    pins = tuple(plain_fingerprint(one) for one in given if one.strip())
    # An empty variable of a script would send the token in plain text.
    if ca == "" or (pin is not None and not pins):
        raise SettingsError("tls_ca or tls_pin is empty; give a value, or leave it out for plain text")
    if (cert is None) != (key is None):
        raise SettingsError("tls_cert and tls_key go together")
    if ca is None and not pins:
        if cert is not None:
            raise SettingsError("tls_cert needs tls_ca or tls_pin: without one of them any server would do")
        return None
    tls = Tls(ca or "", pins, cert or "", key or "")
    tls.context()  # an invalid file shows at once
    return tls


def make_settings(server: Optional[str] = None, *, key: Optional[str] = None, token: Optional[str] = None,
                  auth_file: Union[str, "os.PathLike[str]", None] = None, tls_ca: Optional[str] = None,
                  tls_pin: Union[str, Sequence[str], None] = None, tls_cert: Optional[str] = None,
                  tls_key: Optional[str] = None, server_user: Optional[str] = None, plain: Optional[bool] = None,
                  connect_timeout: Optional[float] = None, answer_timeout: Optional[float] = None,
                  retry_for: float = 30.0, max_frame: int = DEFAULT_MAX_FRAME, max_inflight: int = 256,
                  environment: Optional[Mapping[str, str]] = None) -> Settings:
    """Checks everything. What is None comes from `environment` (default: this process's), as for `elvesctl`."""
    where = os.environ if environment is None else environment
    if plain is None:
        plain = where.get("ELVES_PLAIN", "0") not in ("0", "false")

    user = where.get("ELVES_SERVER_USER") if server_user is None else server_user
    server_users(user)  # an unknown user shows at once

    def seconds(name: str, given: Optional[float]) -> float:
        return _number(name, where.get(f"ELVES_{name.upper()}", 10) if given is None else given, 0.001, 86400)

    return Settings(
        address=parse_address(where.get("ELVES_SERVER") if server is None else server),
        credentials=_credentials(key, token, auth_file, where),
        tls=_tls(where.get("ELVES_TLS_CA") if tls_ca is None else tls_ca,
                 where.get("ELVES_TLS_PIN") if tls_pin is None else tls_pin, tls_cert, tls_key),
        server_user=user,
        plain=plain,
        connect_timeout=seconds("connect_timeout", connect_timeout),
        answer_timeout=seconds("answer_timeout", answer_timeout),
        retry_for=_number("retry_for", retry_for, 0, 86400),
        max_frame=int(_number("max_frame", max_frame, 1024, 1 << 30)),
        max_inflight=int(_number("max_inflight", max_inflight, 1, 100_000)))
