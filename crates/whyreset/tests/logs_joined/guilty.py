"""The client whose connections are reset, and twenty innocent ones beside it: KIND PORT."""
import socket, struct, sys, threading, time

KIND, PORT = sys.argv[1], int(sys.argv[2])
WHERE = ("127.0.0.1", PORT)


def open_one():
    return socket.create_connection(WHERE, 5)


def say(s, data, pauses):
    try:
        s.sendall(data)
        for pause in pauses:
            time.sleep(pause)
            s.sendall(data[-1:])
        s.settimeout(2)
        while s.recv(65536):
            pass
    except OSError as e:
        print(KIND, repr(e), flush=True)


def rude():
    """Goes away with the answer unread."""
    s = open_one()
    s.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n" + b"x" * 1000)
    time.sleep(0.3)
    s.close()


def log_in():
    """Greets PostgreSQL (protocol 3.0)."""
    body = struct.pack("!I", 196608) + b"user\0postgres\0\0"
    s = open_one()
    s.sendall(struct.pack("!I", len(body) + 4) + body)
    return s


def startup():
    s = log_in()
    s.recv(4096)
    time.sleep(1.6)
    say(s, b"Q" + struct.pack("!I", 13) + b"select 1\0", [0.2, 0.2])


def subscribe():
    s = open_one()
    s.sendall(b"SUBSCRIBE c\r\n")
    s.recv(100)
    other = open_one()
    other.sendall(b"PUBLISH c " + b"x" * 60000 + b"\r\n")
    time.sleep(0.3)
    say(s, b"PING\r\n", [0.2, 0.2])


def connect_mqtt(name):
    s = open_one()
    body = b"\0\4MQTT\4\2\0\x3c" + struct.pack("!H", len(name)) + name
    s.sendall(b"\x10" + bytes([len(body)]) + body)
    s.recv(10)
    return s


def takeover():
    first = connect_mqtt(b"sensor")
    second = connect_mqtt(b"sensor")
    time.sleep(0.2)
    say(first, b"\xc0\0", [0.2, 0.2])
    second.close()


def banners():
    held = [open_one() for _ in range(3)]
    time.sleep(0.2)
    late = open_one()
    say(late, b"SSH-2.0-x\r\n", [0.3, 0.3])
    [s.close() for s in held]


def abort():
    s = open_one()
    s.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.2)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def slow():
    s = open_one()
    s.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n" + b"x" * 200000)
    say(s, b"x", [0.5] * 5)


def late_head():
    s = open_one()
    s.sendall(b"GET / HTTP/1.1\r\n")
    time.sleep(1.4)
    say(s, b"x", [0.1] * 3)


def crash():
    say(open_one(), b"crash" * 1000, [0.3, 0.3])


def get():
    s = open_one()
    s.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
    while s.recv(65536):
        pass
    s.close()


def ping():
    s = open_one()
    s.sendall(b"PING\r\n")
    s.recv(100)
    s.close()


def select():
    s = log_in()
    time.sleep(0.1)
    s.recv(4096)
    s.sendall(b"X\0\0\0\4")
    s.close()


def mqtt():
    s = connect_mqtt(b"n%d" % threading.get_ident())
    s.sendall(b"\xe0\0")
    s.recv(1)
    s.close()


def nothing():
    pass


KINDS = {
    "nginx": (rude, get), "apache": (rude, get), "haproxy": (late_head, get), "gunicorn": (slow, get),
    "redis": (subscribe, ping), "postgres": (startup, select), "mosquitto": (takeover, mqtt),
    "sshd": (banners, nothing), "node": (abort, get), "kernel": (crash, ping),
}
guilty, innocent = KINDS[KIND]
over = threading.Event()


def innocents():
    while not over.is_set():
        try:
            innocent()
        except OSError:
            pass
        time.sleep(0.1)


threads = [threading.Thread(target=innocents) for _ in range(20)]
[t.start() for t in threads]
for pause in (0.35, 0.85, 0.6):
    time.sleep(pause)
    guilty()
over.set()
[t.join() for t in threads]
