/* SPDX-License-Identifier: MIT
 *
 * The names of UDP's forms, each for any family, for IPv4 and for IPv6. What a form does is told by
 * the end of its name: dgram_form.c.
 */
#include "socket/dgram.h"

/* A client's kind and a listener's. */
#define CLIENT(n, a, pf, h, e)                                                                    \
    {                                                                                             \
        .name = (n), .aliases = (a), .params = PLUG_PARAM_HOST_PORT, .role = PLUG_CLIENT,         \
        .flags = PLUG_KIND_URL, .preset = (pf), .usage = "HOST:PORT", .help = (h), .example = (e) \
    }
#define BOUND(n, a, r, pf, h, e)                                                     \
    {                                                                                \
        .name = (n), .aliases = (a), .params = PLUG_PARAM_PORT, .role = (r),         \
        .flags = PLUG_KIND_URL, .preset = (pf), .usage = "[HOST:]PORT", .help = (h), \
        .example = (e)                                                               \
    }

const struct plug_kind plug__udp_kinds[] = {
    CLIENT("udp", "udp-connect", NULL, "UDP datagrams to and from one peer", "udp://192.0.2.1:53"),
    CLIENT("udp4", "udp4-connect", "pf=ip4", "UDP over IPv4 to and from one peer",
           "udp4://192.0.2.1:53"),
    CLIENT("udp6", "udp6-connect", "pf=ip6", "UDP over IPv6 to and from one peer",
           "udp6://[2001:db8::1]:53"),
    BOUND("udp-listen", "udp-l", PLUG_LISTENER, NULL, "UDP, a session for each peer",
          "udp-listen://:5353"),
    BOUND("udp4-listen", "udp4-l", PLUG_LISTENER, "pf=ip4",
          "UDP over IPv4, a session for each peer", "udp4-listen://*:5353"),
    BOUND("udp6-listen", "udp6-l", PLUG_LISTENER, "pf=ip6",
          "UDP over IPv6, a session for each peer", "udp6-listen://[::]:5353"),
    CLIENT("udp-sendto", "udp-send", NULL, "UDP to one peer and from it, without connecting",
           "udp-sendto://192.0.2.1:514"),
    CLIENT("udp4-sendto", "udp4-send", "pf=ip4",
           "UDP over IPv4 to one peer and from it, without connecting",
           "udp4-sendto://192.0.2.1:514"),
    CLIENT("udp6-sendto", "udp6-send", "pf=ip6",
           "UDP over IPv6 to one peer and from it, without connecting",
           "udp6-sendto://[2001:db8::1]:514"),
    BOUND("udp-recvfrom", NULL, PLUG_LISTENER, NULL,
          "a session for each UDP datagram, which answers its sender", "udp-recvfrom://:5353"),
    BOUND("udp4-recvfrom", NULL, PLUG_LISTENER, "pf=ip4",
          "a session for each UDP datagram over IPv4, which answers its sender",
          "udp4-recvfrom://*:5353"),
    BOUND("udp6-recvfrom", NULL, PLUG_LISTENER, "pf=ip6",
          "a session for each UDP datagram over IPv6, which answers its sender",
          "udp6-recvfrom://[::]:5353"),
    BOUND("udp-recv", NULL, PLUG_CLIENT, NULL, "UDP datagrams from anybody; nothing is sent",
          "udp-recv://*:514"),
    BOUND("udp4-recv", NULL, PLUG_CLIENT, "pf=ip4",
          "UDP datagrams over IPv4 from anybody; nothing is sent", "udp4-recv://*:514"),
    BOUND("udp6-recv", NULL, PLUG_CLIENT, "pf=ip6",
          "UDP datagrams over IPv6 from anybody; nothing is sent", "udp6-recv://[::]:514"),
    CLIENT("udp-datagram", "udp-dgram", NULL,
           "UDP to one address, a group or a broadcast too, and from anybody",
           "udp-datagram://239.1.2.3:6666#bind=:6666,ip-add-membership=239.1.2.3:eth0"),
    CLIENT("udp4-datagram", "udp4-dgram", "pf=ip4",
           "UDP over IPv4 to one address, a group or a broadcast too, and from anybody",
           "udp4-datagram://255.255.255.255:9#broadcast"),
    CLIENT("udp6-datagram", "udp6-dgram", "pf=ip6",
           "UDP over IPv6 to one address, a group too, and from anybody",
           "udp6-datagram://[ff02::4321]:6666#multicast-if=eth0"),
    {.name = NULL},
};
