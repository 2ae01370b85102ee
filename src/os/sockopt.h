/* SPDX-License-Identifier: MIT
 *
 * The numbers of families, socket types and socket options, and the few calls whose data has a
 * form of the system's own. An option that this system lacks is PLUG__LACKS; nothing is emulated.
 */
#ifndef PLUG_OS_SOCKOPT_H
#define PLUG_OS_SOCKOPT_H

#include "os/os.h"

#ifdef _WIN32
#include <winsock2.h>

#include <afunix.h>
#include <ws2tcpip.h>
#else
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#endif

enum { PLUG__LACKS = -1 };

#ifndef SO_REUSEPORT
#define SO_REUSEPORT PLUG__LACKS
#endif
#ifndef SO_EXCLUSIVEADDRUSE
#define SO_EXCLUSIVEADDRUSE PLUG__LACKS
#endif
#ifndef SO_BINDTODEVICE
#define SO_BINDTODEVICE PLUG__LACKS
#endif
#ifndef SO_PRIORITY
#define SO_PRIORITY PLUG__LACKS
#endif
#ifndef SO_MARK
#define SO_MARK PLUG__LACKS
#endif
#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE PLUG__LACKS
#endif
#ifndef SO_SNDBUFFORCE
#define SO_SNDBUFFORCE PLUG__LACKS
#endif
#ifndef SO_BUSY_POLL
#define SO_BUSY_POLL PLUG__LACKS
#endif
#ifndef SO_PASSCRED
#define SO_PASSCRED PLUG__LACKS
#endif
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE PLUG__LACKS
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL PLUG__LACKS
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT PLUG__LACKS
#endif
#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT PLUG__LACKS
#endif
#ifndef TCP_CORK
#define TCP_CORK PLUG__LACKS
#endif
#ifndef TCP_DEFER_ACCEPT
#define TCP_DEFER_ACCEPT PLUG__LACKS
#endif
#ifndef TCP_QUICKACK
#define TCP_QUICKACK PLUG__LACKS
#endif
#ifndef TCP_CONGESTION
#define TCP_CONGESTION PLUG__LACKS
#endif
#ifndef TCP_FASTOPEN
#define TCP_FASTOPEN PLUG__LACKS
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT PLUG__LACKS
#endif
#ifndef TCP_SYNCNT
#define TCP_SYNCNT PLUG__LACKS
#endif
#ifndef TCP_LINGER2
#define TCP_LINGER2 PLUG__LACKS
#endif
#ifndef TCP_WINDOW_CLAMP
#define TCP_WINDOW_CLAMP PLUG__LACKS
#endif
#ifndef TCP_NOTSENT_LOWAT
#define TCP_NOTSENT_LOWAT PLUG__LACKS
#endif
#ifndef TCP_MD5SIG_EXT
#define TCP_MD5SIG_EXT PLUG__LACKS
#endif
#ifndef IP_FREEBIND
#define IP_FREEBIND PLUG__LACKS
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND PLUG__LACKS
#endif
#ifndef IP_TRANSPARENT
#define IP_TRANSPARENT PLUG__LACKS
#endif
#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT PLUG__LACKS
#endif
#ifndef IP_MTU_DISCOVER
#define IP_MTU_DISCOVER PLUG__LACKS
#endif
#ifndef IPV6_MTU_DISCOVER
#define IPV6_MTU_DISCOVER PLUG__LACKS
#endif
#ifndef IPV6_TCLASS
#define IPV6_TCLASS PLUG__LACKS
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT PLUG__LACKS
#endif

#ifndef IP_PKTINFO
#define IP_PKTINFO PLUG__LACKS
#endif
#ifndef IP_RECVERR
#define IP_RECVERR PLUG__LACKS
#endif
#ifndef IPV6_RECVERR
#define IPV6_RECVERR PLUG__LACKS
#endif
#ifndef IP_RECVTOS
#define IP_RECVTOS PLUG__LACKS
#endif
#ifndef IP_RECVTTL
#define IP_RECVTTL PLUG__LACKS
#endif
#ifndef IPV6_RECVTCLASS
#define IPV6_RECVTCLASS PLUG__LACKS
#endif
#ifndef IPV6_RECVHOPLIMIT
#define IPV6_RECVHOPLIMIT PLUG__LACKS
#endif
#ifndef IPV6_RECVPKTINFO
#define IPV6_RECVPKTINFO PLUG__LACKS
#endif
#ifndef IP_RECVOPTS
#define IP_RECVOPTS PLUG__LACKS
#endif
#ifndef IP_RETOPTS
#define IP_RETOPTS PLUG__LACKS
#endif
#ifndef IP_ROUTER_ALERT
#define IP_ROUTER_ALERT PLUG__LACKS
#endif
#ifndef IPV6_ROUTER_ALERT
#define IPV6_ROUTER_ALERT PLUG__LACKS
#endif
#ifndef IP_MTU
#define IP_MTU PLUG__LACKS
#endif
#ifndef IPV6_MTU
#define IPV6_MTU PLUG__LACKS
#endif
#ifndef IP_MULTICAST_ALL
#define IP_MULTICAST_ALL PLUG__LACKS
#endif
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL PLUG__LACKS
#endif
#ifndef IPV6_RECVDSTOPTS
#define IPV6_RECVDSTOPTS PLUG__LACKS
#endif
#ifndef IPV6_RECVHOPOPTS
#define IPV6_RECVHOPOPTS PLUG__LACKS
#endif
#ifndef IPV6_RECVRTHDR
#define IPV6_RECVRTHDR PLUG__LACKS
#endif
#ifndef IPV6_RECVPATHMTU
#define IPV6_RECVPATHMTU PLUG__LACKS
#endif
#ifndef SO_TIMESTAMP
#define SO_TIMESTAMP PLUG__LACKS
#endif
#ifndef SO_NO_CHECK
#define SO_NO_CHECK PLUG__LACKS
#endif
#ifndef SO_SNDLOWAT
#define SO_SNDLOWAT PLUG__LACKS
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP PLUG__LACKS
#endif

/* PLUG_OPT_UNSUPPORTED for a number that this system lacks, else 0. */
#define PLUG__LACKING(number) ((int)(number) == (int)PLUG__LACKS ? PLUG_OPT_UNSUPPORTED : 0)

/* SO_RCVTIMEO and SO_SNDTIMEO take a time in the system's form. */
int plug__os_socktime(plug_handle h, int level, int name, plug_time t, int *reterr_os);

/* Asks for the local address of each datagram (IP_PKTINFO, IPV6_PKTINFO). ENOTSUP where there is no
 * such thing. */
int plug__os_pktinfo_on(plug_handle h, int family, int *reterr_os);

/* Room for what pktinfo adds to a message, either family. */
enum { PLUG__PKTINFO = 96 };

/* The local address that a received message was sent to, port 0; link-local ones with their zone.
 * Returns 0 or ENOENT. */
int plug__os_pktinfo_get(const struct plug_msg *m, struct plug_addr *ret_local);

enum { PLUG__CONTROL = 256 }; /* room for all that the options of a socket ask for */

/* What came with a received message: "ttl=64 tos=16 to=192.0.2.1 by=eth0 at=SECONDS"; what its
 * socket was not asked for is not there. Returns the length. */
size_t plug__os_control_text(const struct plug_msg *m, char *buf, size_t len);

/* Writes ancillary data that makes a message leave from `local`. control is aligned for cmsghdr and
 * has PLUG__PKTINFO bytes. Returns the length, 0 when the family has none. */
size_t plug__os_pktinfo_put(const struct plug_addr *local, void *control);

/* The index of an interface by its name or number. Returns 0 or ENXIO. */
int plug__os_interface(const char *name, uint32_t *ret);

/* A multicast group to hear. */
struct plug__join {
    const struct plug_addr *group;
    const struct plug_addr *source; /* hear only this sender; NULL: all */
    const struct plug_addr *at;     /* the interface by its IPv4 address; NULL: by `ifname` */
    const char *ifname;             /* by name or number; NULL: the system's choice */
};
int plug__os_join(plug_handle h, const struct plug__join *j, int *reterr_os);

/* By which interface a socket of that AF_* sends to groups: its IPv4 address, or else its name. */
int plug__os_multicast_if(plug_handle h, int family, const struct plug_addr *at, const char *ifname,
                          int *reterr_os);
int plug__os_is_multicast(const struct plug_addr *a);

enum { PLUG__TCP_MD5 = 80 }; /* longest key */
/* Signs segments to and from any peer of a family by that key (RFC 2385). */
int plug__os_tcp_md5(plug_handle h, int family, const char *key, int *reterr_os);

/* The user of the program at the other end of a connected Unix socket. ENOTSUP where that cannot be
 * known. */
int plug__os_peer_uid(plug_handle h, int64_t *ret, int *reterr_os);
/* A user's number, by name or number. Returns 0, ENOENT, ENOTSUP. */
int plug__os_user_id(const char *name, int64_t *ret);

/* Binds a Unix socket to a name of the system's choice. ENOTSUP where there is no such thing. */
int plug__os_autobind(plug_handle h, int *reterr_os);

#endif
