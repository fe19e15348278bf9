"""QuickFIX as acceptor, in a process of its own: `python -m tests.servers.fix_acceptor_process`.

Its argument is a file of settings. Commands come as lines of JSON, `[type, [[tag, value], ...]]`,
where the value of a repeating group is a list of its entries, of the same form;
what happens goes out as such: `["created"]`, `["logon"]`, `["logout"]`, `["sent", message]`,
`["received", message]`.
"""

# The wheel has no types.
# pyright: basic, reportAttributeAccessIssue=false

import json
import os
import sys
import threading

import quickfix

from tests.servers.fix_acceptor import CLIENT, VENUE

_lock = threading.Lock()


def _say(*event: str) -> None:
    with _lock:
        print(json.dumps(event), flush=True)


class _Application(quickfix.Application):
    def onCreate(self, session):
        _say("created")

    def onLogon(self, session):
        _say("logon")

    def onLogout(self, session):
        _say("logout")

    def toAdmin(self, message, session):
        _say("sent", message.toString())

    def toApp(self, message, session):
        _say("sent", message.toString())

    def fromAdmin(self, message, session):
        _say("received", message.toString())

    def fromApp(self, message, session):
        _say("received", message.toString())


def _main() -> None:
    application = _Application()
    settings = quickfix.SessionSettings(sys.argv[1])
    store = quickfix.MemoryStoreFactory()
    kind = quickfix.SSLSocketAcceptor if sys.argv[2] == "tls" else quickfix.SocketAcceptor
    acceptor = kind(application, store, settings)
    acceptor.start()
    session = quickfix.SessionID("FIX.4.4", VENUE, CLIENT)
    _say("listening")
    for line in sys.stdin:
        kind_of_message, body = json.loads(line)
        message = quickfix.Message()
        message.getHeader().setField(quickfix.MsgType(kind_of_message))
        for tag, value in body:
            if isinstance(value, str):
                message.setField(tag, value)
                continue
            for entry in value:
                group = quickfix.Group(tag, entry[0][0])
                for name, text in entry:
                    group.setField(name, text)
                message.addGroup(group)
        quickfix.Session.sendToTarget(message, session)
    # Its own stop() falls over the interpreter's lock, and nothing here is worth keeping.
    os._exit(0)


if __name__ == "__main__":
    _main()
