# SPDX-License-Identifier: MIT
"""Groups and broadcast between two networks that a cable joins: who has joined hears, and one sender alone if asked."""
import os
import select
import subprocess

import pytest

from conftest import PATIENCE, Network, until

HERE, THERE = "10.9.0.1", "10.9.0.2"
OTHER = "10.9.0.3"  # a second sender on this side
GROUP, GROUP6 = "239.1.2.3", "ff15::7"
PORT = 5000
JOINED = {GROUP: ("igmp", "030201EF"), GROUP6: ("igmp6", "ff150000000000000000000000000007")}


@pytest.fixture(scope="module")
def ends(network):
    """(this side, the other): `near` and `far` are the ends of the cable."""
    other = Network(beside=network)
    try:
        network.ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(other.holder.pid))
    except subprocess.CalledProcessError:
        other.end()
        pytest.skip("the system has no veth")
    for end, name, addresses in ((network, "near", (HERE, OTHER)), (other, "far", (THERE,))):
        for address in addresses:
            end.ip("addr", "add", f"{address}/24", "broadcast", "10.9.0.255", "dev", name)
        end.ip("addr", "add", f"fd09::{addresses[0][-1]}/64", "dev", name, "nodad")
        end.ip("link", "set", name, "up")
    yield network, other
    other.end()


@pytest.fixture
def hear(plug, ends):
    """Starts a plug on the other side and waits until it is bound to the port and in the group."""

    def start(*args, group=None):
        p = plug(*args, before=ends[1].enter)
        table = "udp6" if group == GROUP6 else "udp"
        until(lambda: f":{PORT:04X} " in ends[1].file(table), "it is bound")
        if group:
            file, name = JOINED[group]
            until(lambda: name in ends[1].file(file), "it has joined")
        return p

    return start


@pytest.fixture
def send(plug, ends):
    def once(text, address):
        status, _, err = plug("-u", f"text:{text}", address, before=ends[0].enter).finish()
        assert status == 0, err

    return once


def heard(p, n):
    """The first n bytes that it wrote."""
    data = b""
    while len(data) < n:
        readable, _, _ = select.select([p.p.stdout], [], [], PATIENCE)
        assert readable, (data, p.stderr())
        piece = os.read(p.p.stdout.fileno(), n - len(data))
        assert piece, (data, p.stderr())
        data += piece
    return data


def from_(sender, group=GROUP):
    return f"udp://{group}:{PORT}#multicast-if=near,bind={sender}"


def test_a_member_hears_all_senders(hear, send):
    p = hear("-u", f"udp-recv://0.0.0.0:{PORT}#add-membership={GROUP}:far", "-", group=GROUP)
    send("first", from_(OTHER))
    send("second", from_(HERE))
    assert heard(p, 11) == b"firstsecond"


def test_a_source_specific_member_hears_one(hear, send):
    option = f"add-source-membership={GROUP}:far:{HERE}"
    p = hear("-u", f"udp-recv://0.0.0.0:{PORT}#{option}", "-", group=GROUP)
    send("first", from_(OTHER))
    send("second", from_(HERE))
    assert heard(p, 6) == b"second"


def test_a_group_of_ipv6(hear, send):
    p = hear("-u", f"udp6-recv://[::]:{PORT}#add-membership=[{GROUP6}]:far", "-", group=GROUP6)

    def arrived():  # a link of IPv6 is not ready at once, and says so to nobody
        send("six", f"udp6://[{GROUP6}]:{PORT}#multicast-if=near")
        return select.select([p.p.stdout], [], [], 0.1)[0]

    until(arrived, "the group hears")
    assert heard(p, 3) == b"six"


def test_an_answer_comes_from_the_member_itself(hear, plug, ends):
    """Asked by the group, answered by one address: a connected socket would not hear it."""
    hear(f"udp-recvfrom://0.0.0.0:{PORT}#add-membership={GROUP}:far", "echo:", group=GROUP)
    asks = plug("text:question", f"udp-datagram://{GROUP}:{PORT}#multicast-if=near", before=ends[0].enter)
    assert heard(asks, 8) == b"question"


def test_broadcast(hear, plug, ends):
    hear(f"udp-recvfrom://0.0.0.0:{PORT}#broadcast", "echo:")
    asks = plug("text:question", f"udp-datagram://10.9.0.255:{PORT}#broadcast", before=ends[0].enter)
    assert heard(asks, 8) == b"question"


def test_broadcast_must_be_allowed(plug, ends):
    p = plug("-u", "text:question", f"udp-datagram://10.9.0.255:{PORT}", before=ends[0].enter)
    status, _, err = p.finish()
    assert status == 8 and "broadcast" in err, (status, err)
