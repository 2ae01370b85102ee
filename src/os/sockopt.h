/* SPDX-License-Identifier: MIT
 *
 * The numbers of families, socket types and socket options, and the few calls whose data has a
 * form of the system's own. An option that this system lacks is PLUG__LACKS; nothing is emulated.
 */
#ifndef PLUG_OS_SOCKOPT_H
#define PLUG_OS_SOCKOPT_H

#include "os/os.h"

#ifdef _WIN32
#include <afunix.h>
#include <winsock2.h>
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

/* PLUG_OPT_UNSUPPORTED for a number that this system lacks, else 0. */
#define PLUG__LACKING(number) ((number) == PLUG__LACKS ? PLUG_OPT_UNSUPPORTED : 0)

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

/* Writes ancillary data that makes a message leave from `local`. control is aligned for cmsghdr and
 * has PLUG__PKTINFO bytes. Returns the length, 0 when the family has none. */
size_t plug__os_pktinfo_put(const struct plug_addr *local, void *control);

/* Binds a Unix socket to a name of the system's choice. ENOTSUP where there is no such thing. */
int plug__os_autobind(plug_handle h, int *reterr_os);

#endif
