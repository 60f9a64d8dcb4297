"""The audit trail as it lies in a data file: written down once more, so that what the server says of itself is not all there is.
A page holds the records of one commit (src/audit/audit_page.hpp); older programs wrote a row for each."""

import sqlite3

TEXTS = ["key", "address", "method", "agent", "app", "func", "proxy", "target", "param", "result"]
HASH = 32


def _number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _signed(data, at):
    value, at = _number(data, at)
    return (value >> 1) ^ -(value & 1), at


def _put(value):
    data = b""
    while value >= 0x80:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def _put_signed(value):
    return _put(2 * value if value >= 0 else -2 * value - 1)


def decode(first, data):
    """The records of a page."""
    records, at, before = [], 0, {**dict.fromkeys(TEXTS, ""), "time": 0}
    while at < len(data):
        record = {"seq": first + len(records)}
        step, at = _signed(data, at)
        record["time"] = before["time"] + step
        for text in TEXTS:
            size, at = _number(data, at)
            record[text] = before[text] if size == 0 else data[at:at + size - 1].decode()
            at += max(size - 1, 0)
        record["allowed"], record["changed"] = data[at] & 1, data[at] >> 1
        record["more"], at = _signed(data, at + 1)
        record["hash"] = data[at:at + HASH].hex()
        at += HASH
        records.append(record)
        before = record
    return records


def encode(records):
    data, before = b"", {**dict.fromkeys(TEXTS, ""), "time": 0}
    for record in records:
        data += _put_signed(record["time"] - before["time"])
        for text in TEXTS:
            value = record[text].encode()
            data += _put(0) if record[text] == before[text] else _put(len(value) + 1) + value
        data += bytes([record["allowed"] + 2 * record["changed"]]) + _put_signed(record["more"]) + bytes.fromhex(record["hash"])
        before = record
    return data


def records_in(path):
    """Every record of the file, oldest first."""
    db = sqlite3.connect(path)
    try:
        names = ["seq", "time", *TEXTS, "allowed", "changed", "more", "hash"]
        records = [dict(zip(names, row)) for row in db.execute(f"SELECT {', '.join(names)} FROM audit ORDER BY seq")]
        for first, last, newest, data in db.execute("SELECT first, last, newest, records FROM audit_pages ORDER BY first"):
            page = decode(first, data)
            assert page[-1]["seq"] == last and max(record["time"] for record in page) == newest, (first, last, newest)
            records += page
        return records
    finally:
        db.close()


def put_records(path, records, page=3):
    """Stores these in the place of all, `page` of them that follow one another in a row."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM audit")
    db.execute("DELETE FROM audit_pages")
    pages = []
    for record in sorted(records, key=lambda record: record["seq"]):
        if not pages or len(pages[-1]) == page or pages[-1][-1]["seq"] + 1 != record["seq"]:
            pages.append([])
        pages[-1].append(record)
    for each in pages:
        db.execute("INSERT INTO audit_pages VALUES (?, ?, ?, ?)",
                   (each[0]["seq"], each[-1]["seq"], max(record["time"] for record in each), encode(each)))
    db.close()
