/* SPDX-License-Identifier: MIT
 *
 * Each socket option of an address is on the socket afterwards: asked of the kernel, not of us. And
 * each wrong value is refused before anything is opened, with its place.
 */
#include "rig.h"

#include "core/plan.h"

struct readback {
    const char *address;
    int level, name, want;
};

static void readback(const struct readback *r)
{
    struct plug_sock *s;
    int v;
    if (r->name == PLUG__LACKS)
        return;
    s = rig_open(NULL, r->address);
    v = rig_int(s, r->level, r->name);
    if (v != r->want)
        fail_msg("%s: %d instead of %d", r->address, v, r->want);
    plug_close(s);
}

#define UDP "udp4-listen://127.0.0.1:0#"
#define UDP6 "udp6-listen://[::1]:0#"
#define UNIX "abstract-listen:plug-test-options,"

static void test_options__are_on_the_socket(void **state)
{
    static const struct readback rows[] = {
        {UDP "ttl=9", IPPROTO_IP, IP_TTL, 9},
        {UDP "iptos=0x10", IPPROTO_IP, IP_TOS, 16},
        {UDP "ip-mtu-discover=2", IPPROTO_IP, IP_MTU_DISCOVER, 2},
        {UDP "ip-freebind", IPPROTO_IP, IP_FREEBIND, 1},
        {UDP "ip-bind-address-no-port", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1},
        {UDP "ip-multicast-ttl=7", IPPROTO_IP, IP_MULTICAST_TTL, 7},
        {UDP "multicastloop=0", IPPROTO_IP, IP_MULTICAST_LOOP, 0},
        {UDP "ip-multicast-all=0", IPPROTO_IP, IP_MULTICAST_ALL, 0},
        {UDP "ip-pktinfo", IPPROTO_IP, IP_PKTINFO, 1},
        {UDP "iprecverr", IPPROTO_IP, IP_RECVERR, 1},
        {UDP "recvttl", IPPROTO_IP, IP_RECVTTL, 1},
        {UDP "ip-recvtos", IPPROTO_IP, IP_RECVTOS, 1},
        {UDP "ip-recvopts", IPPROTO_IP, IP_RECVOPTS, 1},
        {UDP "ip-retopts", IPPROTO_IP, IP_RETOPTS, 1},
        {UDP "broadcast", SOL_SOCKET, SO_BROADCAST, 1},
        {UDP "so-timestamp", SOL_SOCKET, SO_TIMESTAMP, 1},
        {UDP "dontroute", SOL_SOCKET, SO_DONTROUTE, 1},
        {UDP "nocheck", SOL_SOCKET, SO_NO_CHECK, 1},
        {UDP "oobinline", SOL_SOCKET, SO_OOBINLINE, 1},
        {UDP "rcvlowat=5", SOL_SOCKET, SO_RCVLOWAT, 5},
        {UDP "so-priority=3", SOL_SOCKET, SO_PRIORITY, 3},
        {UDP "reuseport", SOL_SOCKET, SO_REUSEPORT, 1},
        {UDP "type=2", SOL_SOCKET, SO_TYPE, SOCK_DGRAM},
        {UDP "setsockopt-int=1:12:4", SOL_SOCKET, SO_PRIORITY, 4},
        {UDP "sockopt=1:12:i4", SOL_SOCKET, SO_PRIORITY, 4},
        {UDP "setsockopt-bin=1:12:x05000000", SOL_SOCKET, SO_PRIORITY, 5},
        {UDP "setsockopt-bin=1:12:s2 b0 b0", SOL_SOCKET, SO_PRIORITY, 2},
        {UDP "setsockopt-socket=1:12:3", SOL_SOCKET, SO_PRIORITY, 3},
        {UDP "setsockopt-listen=1:12:6", SOL_SOCKET, SO_PRIORITY, 6},
        {"tcp4-listen://127.0.0.1:0#setsockopt-listen=1:12:6", SOL_SOCKET, SO_PRIORITY, 6},
        {"tcp4-listen://127.0.0.1:0#so-type=1", SOL_SOCKET, SO_TYPE, SOCK_STREAM},
        {"tcp4-listen://127.0.0.1:0#pf=2", SOL_SOCKET, SO_DOMAIN, AF_INET},
        {UNIX "type=5", SOL_SOCKET, SO_TYPE, SOCK_SEQPACKET},
        {UNIX "socktype=2", SOL_SOCKET, SO_TYPE, SOCK_DGRAM},
        {UNIX "so-type=1,pf=unix", SOL_SOCKET, SO_TYPE, SOCK_STREAM},
        {UNIX "so-passcred", SOL_SOCKET, SO_PASSCRED, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        readback(&rows[i]);
}

/* One name for both families: on IPv6 it is the option that does the same there. */
static void test_options__of_ip6(void **state)
{
    static const struct readback rows[] = {
        {UDP6 "unicast-hops=9", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9},
        {UDP6 "hoplimit=8", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 8},
        {UDP6 "tclass=32", IPPROTO_IPV6, IPV6_TCLASS, 32},
        {UDP6 "ttl=9", IPPROTO_IP, IP_TTL, 9}, /* of IPv4 peers */
        {UDP6 "multicast-ttl=7", IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 7},
        {UDP6 "ip-multicast-loop=0", IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0},
        {UDP6 "ipv6-recvpktinfo", IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
        {UDP6 "ipv6-recverr", IPPROTO_IPV6, IPV6_RECVERR, 1},
        {UDP6 "ipv6-recvhoplimit", IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
        {UDP6 "ipv6-recvtclass", IPPROTO_IPV6, IPV6_RECVTCLASS, 1},
        {UDP6 "ipv6-recvdstopts", IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1},
        {UDP6 "ipv6-recvhopopts", IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1},
        {UDP6 "ipv6-recvrthdr", IPPROTO_IPV6, IPV6_RECVRTHDR, 1},
        {UDP6 "ipv6-recvpathmtu", IPPROTO_IPV6, IPV6_RECVPATHMTU, 1},
        {UDP6 "ipv6-v6only", IPPROTO_IPV6, IPV6_V6ONLY, 1},
        {UDP6 "mtu=1400", IPPROTO_IPV6, IPV6_MTU, 1400},
        {"tcp6-listen://[::1]:0#pf=10", SOL_SOCKET, SO_DOMAIN, AF_INET6},
    };
    (void)state;
    if (!rig_has_ip6())
        skip();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].name != IPV6_MTU) /* can be set, and asked of connected sockets only */
            readback(&rows[i]);
}

static void test_options__bytes_of_ip_options(void **state)
{
    struct plug_sock *s = rig_open(NULL, UDP "ip-options=x01010101");
    unsigned char bytes[40] = {0};
    size_t len = sizeof(bytes);
    (void)state;
    assert_int_equal(plug_getsockopt(s, IPPROTO_IP, IP_OPTIONS, bytes, &len), 0);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "\1\1\1\1", 4);
    plug_close(s);
}

static void test_options__protocol_is_asked_for(void **state)
{
    struct plug_sock *s;
    int r = rig_try(NULL, "tcp4-listen://127.0.0.1:0#mptcp", &s);
    (void)state;
    if (r >= 0) { /* a kernel may lack it, or an administrator have switched it off */
        assert_int_equal(rig_int(s, SOL_SOCKET, SO_PROTOCOL), IPPROTO_MPTCP);
        plug_close(s);
    }
    s = rig_open(NULL, "tcp4-listen://127.0.0.1:0#prototype=6");
    assert_int_equal(rig_int(s, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    plug_close(s);
    assert_true(rig_try(NULL, "tcp4-listen://127.0.0.1:0#protocol=17", &s) < 0);
}

/* A segment without the right signature is none. */
static void test_options__segments_are_signed(void **state)
{
    struct plug_sock *l, *c, *s;
    char address[96];
    int r = rig_try(NULL, "tcp4-listen://127.0.0.1:0#tcp-md5sig=secret", &l);
    (void)state;
    if (r == PLUG_ENOTSUP)
        return; /* a kernel without it */
    assert_int_equal(r, 0);
    (void)snprintf(address, sizeof(address), "tcp://127.0.0.1:%u#md5sig=secret", rig_port(l));
    c = rig_open(NULL, address);
    s = rig_accept(NULL, l);
    rig_says(NULL, c, s, "signed");
    plug_close(c);
    plug_close(s);
    (void)snprintf(address, sizeof(address), "tcp://127.0.0.1:%u#md5sig=other,connect-timeout=0.1",
                   rig_port(l));
    assert_int_equal(rig_try(NULL, address, &c), PLUG_ETIMEDOUT);
    plug_close(l);
}

static void test_options__late_ones_are_set_on_the_connection(void **state)
{
    struct plug_sock *l = rig_open(NULL, "tcp4-listen://127.0.0.1:0#rcvbuf-late=30000"), *c, *s;
    char address[64];
    (void)state;
    (void)snprintf(address, sizeof(address), "tcp://127.0.0.1:%u#so-sndbuf-late=20000",
                   rig_port(l));
    c = rig_open(NULL, address);
    s = rig_accept(NULL, l);
    assert_int_equal(rig_int(s, SOL_SOCKET, SO_RCVBUF), 60000); /* Linux doubles */
    assert_int_equal(rig_int(c, SOL_SOCKET, SO_SNDBUF), 40000);
    assert_int_not_equal(rig_int(l, SOL_SOCKET, SO_RCVBUF), 60000);
    plug_close(s);
    plug_close(c);
    plug_close(l);
}

/* The type of a Unix socket decides what the address carries. */
static void test_options__type_makes_records(void **state)
{
    struct plug_sock *l = rig_open(NULL, "abstract-listen:plug-test-type,type=5");
    struct plug_sock *c = rig_open(NULL, "abstract:plug-test-type,type=5"), *s;
    char buf[16];
    (void)state;
    s = rig_accept(NULL, l);
    assert_int_equal(rig_int(c, PLUG_LEVEL_SOCK, PLUG_SO_TYPE), PLUG_SEQPACKET);
    assert_int_equal(rig_send(NULL, c, "one", 3), 3);
    assert_int_equal(rig_send(NULL, c, "two", 3), 3);
    assert_int_equal(rig_recv(NULL, s, buf, sizeof(buf)), 3);
    assert_int_equal(rig_recv(NULL, s, buf, sizeof(buf)), 3);
    plug_close(s);
    plug_close(c);
    plug_close(l);
}

/* ---- wrong values ---- */

static void test_options__wrong_values_are_pointed_at(void **state)
{
    static const struct {
        const char *address, *at;
    } rows[] = {
        {"udp4-listen:0,ip-add-membership=127.0.0.1:lo", "127.0.0.1:lo"},
        {"udp4-listen:0,ip-add-membership=224.1.1.1:lo:lo:lo", "224.1.1.1:lo:lo:lo"},
        {"udp4-listen:0,ip-add-membership=[ff02::1:lo", "[ff02::1:lo"},
        {"udp4-listen:0,ip-add-source-membership=232.1.1.1:lo", "232.1.1.1:lo"},
        {"udp4-listen:0,ip-add-source-membership=232.1.1.1:lo:::1", "232.1.1.1:lo:::1"},
        {"udp4-listen:0,join-source-group=[ff35::1]:lo:[ff35::2]", "[ff35::1]:lo:[ff35::2]"},
        {"udp4-listen:0,multicast-if=a/b", "a/b"},
        {"udp4-listen:0,ip-options=z1", "z1"},
        {"udp4-listen:0,ip-options=x1", "x1"},
        {"udp4-listen:0,setsockopt=1:2", "1:2"},
        {"udp4-listen:0,setsockopt=1:x:2", "1:x:2"},
        {"udp4-listen:0,setsockopt-int=1:2:x00", "1:2:x00"},
        {"udp4-listen:0,setsockopt-int=1:2:", "1:2:"},
        {"udp4-listen:0,setsockopt-bin=1:2:zz", "1:2:zz"},
        {"udp4-listen:0,setsockopt-bin=1:2:i99999999999", "1:2:i99999999999"},
        {"udp4-listen:0,ttl=many", "many"},
        {"udp4-listen:0,so-type=99", "99"},
        {"udp4-listen:0,type=1", "type"},
        {"tcp4-listen:0,type=2", "type"},
        {"unix-listen:/tmp/x,type=3", "type"},
        {"udp4-listen:0,protocol=-1", "-1"},
        {"udp4-listen:0,pf=unix", "unix"},
        {"unix-listen:/tmp/x,pf=ip4", "ip4"},
        {"udp4-listen:0,range=nowhere", "nowhere"},
        {"tcp4:a:1,ai-all=maybe", "maybe"},
        {"tcp4:a:1,md5sig=", "md5sig"},
        {"tcp4:a:1,peercred", "peercred"},
        {"tcp4:a:1,res-usevc=2", "2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plug_err err = {0};
        struct plug_plan *p = NULL;
        int r = plug__plan_parse(&p, rows[i].address, NULL, &err);
        if (r == 0)
            r = plug__plan_check(p, 0, 0, &err);
        plug__plan_drop(p);
        if (r != PLUG_EUSAGE || !err.hint[0] ||
            strncmp(rows[i].address + err.column, rows[i].at, strlen(rows[i].at)) != 0)
            fail_msg("%s: %d at %d: %s (%s)", rows[i].address, r, err.column, err.text, err.hint);
    }
}

/* ---- multicast ---- */

/* On the loopback interface, by every way to name it. */
static void test_options__multicast_is_heard(void **state)
{
    static const char *const joins[] = {
        "udp4-listen://*:0#ip-add-membership=239.1.2.3:lo",
        "udp4-listen://*:0#ip-add-membership=239.1.2.3:127.0.0.1",
        "udp4-listen://*:0#ip-add-membership=239.1.2.3:127.0.0.1:lo",
        "udp4-listen://*:0#membership=239.1.2.3:1",
        "udp4-listen://*:0#ip-add-source-membership=239.1.2.3:lo:127.0.0.1",
        "udp4-listen://*:0#ip-add-source-membership=239.1.2.3:127.0.0.1:127.0.0.1",
    };
    static const char *const by[] = {"lo", "1", "127.0.0.1"};
    char address[128], buf[16];
    (void)state;
    for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
        struct plug_sock *l = rig_open(NULL, joins[i]), *c, *s;
        (void)snprintf(address, sizeof(address),
                       "udp4://239.1.2.3:%u#bind=127.0.0.1,ip-multicast-if=%s", rig_port(l),
                       by[i % 3]);
        c = rig_open(NULL, address);
        assert_int_equal(rig_send(NULL, c, "hello", 5), 5);
        s = rig_accept(NULL, l);
        assert_int_equal(rig_recv(NULL, s, buf, sizeof(buf)), 5);
        plug_close(s);
        plug_close(c);
        plug_close(l);
    }
}

/* A loopback interface has no way to IPv6 groups: the kernel's own list tells of the membership. */
static int multicast_is_member(const char *file, const char *what)
{
    char line[256];
    int found = 0;
    FILE *f = fopen(file, "r");
    while (f && !found && fgets(line, sizeof(line), f))
        found = strstr(line, what) != NULL;
    if (f)
        assert_int_equal(fclose(f), 0);
    return found;
}

static void test_options__multicast_of_ip6_is_joined(void **state)
{
    const char *group = "ff020000000000000000000000004321",
               *source = "00000000000000000000000000000001";
    char pair[80];
    struct plug_sock *s;
    (void)state;
    if (!rig_has_ip6())
        skip();
    s = rig_open(NULL, UDP6 "ipv6-join-group=[ff02::4321]:lo,ipv6-multicast-if=lo");
    assert_int_equal(rig_int(s, IPPROTO_IPV6, IPV6_MULTICAST_IF), 1);
    assert_true(multicast_is_member("/proc/net/igmp6", group));
    plug_close(s);
    assert_false(multicast_is_member("/proc/net/igmp6", group));
    s = rig_open(NULL, UDP6 "ipv6-join-source-group=[ff02::4321]:lo:[::1]");
    (void)snprintf(pair, sizeof(pair), "%s %s", group, source);
    assert_true(multicast_is_member("/proc/net/mcfilter6", pair));
    plug_close(s);
}

/* Checked by the kernel, not by us: the error says which option it was. */
static void test_options__the_refused_one_is_named(void **state)
{
    static const char *const rows[][2] = {
        {UDP "recvttl,ip-router-alert=1,ttl=5", "router-alert"},
        {UDP "ip-mtu=1400", "mtu"},
        {UDP "add-membership=239.1.2.3:nowhere0", "add-membership"},
        {"tcp4-listen://127.0.0.1:0#ttl=9,congestion=nothing", "congestion"},
        {"tcp4-listen://127.0.0.1:0#protocol=17", "protocol"},
        {"tcp://127.0.0.1:1#so-bindtodevice=nowhere0", "so-bindtodevice"},
        {UNIX "setsockopt=1:9999:1", "setsockopt"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plug_err err = {0};
        struct plug_sock *s = NULL;
        assert_true(plug_open(&s, rows[i][0], rig_until(), &err) < 0);
        if (strncmp(err.text, rows[i][1], strlen(rows[i][1])) != 0 || !strstr(err.hint, rows[i][1]))
            fail_msg("%s: %s (%s)", rows[i][0], err.text, err.hint);
    }
}

static void test_options__no_such_interface(void **state)
{
    struct plug_sock *s;
    (void)state;
    assert_int_equal(rig_try(NULL, UDP "add-membership=239.1.2.3:nowhere0", &s), PLUG_ENXIO);
    assert_int_equal(rig_try(NULL, UDP "multicast-if=nowhere0", &s), PLUG_ENXIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__are_on_the_socket),
        cmocka_unit_test(test_options__of_ip6),
        cmocka_unit_test(test_options__bytes_of_ip_options),
        cmocka_unit_test(test_options__protocol_is_asked_for),
        cmocka_unit_test(test_options__segments_are_signed),
        cmocka_unit_test(test_options__late_ones_are_set_on_the_connection),
        cmocka_unit_test(test_options__type_makes_records),
        cmocka_unit_test(test_options__wrong_values_are_pointed_at),
        cmocka_unit_test(test_options__multicast_is_heard),
        cmocka_unit_test(test_options__multicast_of_ip6_is_joined),
        cmocka_unit_test(test_options__the_refused_one_is_named),
        cmocka_unit_test(test_options__no_such_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
