/* SPDX-License-Identifier: MIT
 *
 * What the bases over kernel sockets share: the head of their structs, the option tables, and the
 * calls on a connected socket. It knows no way to connect or to listen.
 */
#ifndef PLUG_SOCKET_COMMON_H
#define PLUG_SOCKET_COMMON_H

#include "core/sock.h"
#include "os/sockopt.h"

struct plug__answer;
struct plug__resolve;

/* layer.state of a socket base. */
enum plug__socket_state {
    PLUG__SOCKET_NEW,
    PLUG__SOCKET_OPENING,
    PLUG__SOCKET_UP,
    PLUG__SOCKET_LISTENING
};

/* plug__socket.flags */
enum {
    PLUG__SOCKET_STREAM = 1,
    PLUG__SOCKET_SHORT = 2,    /* a short recv means that the kernel has no more (TCP) */
    PLUG__SOCKET_ADOPTED = 4,  /* came open from elsewhere; others may share it */
    PLUG__SOCKET_WR_SHUT = 8,  /* our FIN is on its way */
    PLUG__SOCKET_LOOKING = 16, /* waits until all is acknowledged */
    PLUG__SOCKET_BYPASS = 32,  /* movers may have the handle */
    PLUG__SOCKET_RESET = 64,   /* close sends RST */
    PLUG__SOCKET_PROBED = 128, /* keepalive asks often enough */
    PLUG__SOCKET_REFUSES = 256 /* its senders can pass no descriptors */
};

/* The head of every socket base's struct. */
struct plug__socket {
    struct plug_layer l;
    struct plug_io io;
    const struct plug_step *step;
    plug_time look;    /* when to look again at what is unacknowledged */
    uint32_t pause;    /* between two looks, in ms */
    uint32_t stripped; /* messages whose descriptors were dropped */
    int16_t broken;    /* a reset that one direction met and the other has to tell */
    uint16_t flags;
};

/* The head of every socket base's conf. */
struct plug__socket_conf {
    const char *bind;
    const char *range, *allow, *deny;                     /* the last of each; all are in opts */
    const char *wrap, *wrap_allow, *wrap_deny, *wrap_dir; /* tcpwrap: tables of hosts */
    int64_t sourceport;
    int lowport;
    int family;              /* index in PLUG__FAMILIES */
    int reuseaddr;           /* listeners; -1: the kind's own way */
    int64_t type, protocol;  /* of socket(2); 0: the kind's own */
    const char *name_server; /* of res-nsaddr */
    int unread;              /* see lookup.c */
};
#define PLUG__FAMILIES "any ip4 ip6 ipv4 ipv6 inet inet6 inet4 4 6 ip 2 10"

static inline struct plug__socket *plug__socket_of(struct plug_layer *l)
{
    return (struct plug__socket *)(void *)l;
}

/* ---- options (options.c) ---- */

extern const struct plug_option plug__socket_options[]; /* SOL_SOCKET; conf: plug__socket_conf */
extern const struct plug_option plug__ip_options[];     /* IP4, IP6, pf, bind, sourceport */
extern const struct plug_option plug__tcp_options[];    /* IPPROTO_TCP */

/* ---- values with a form of their own: plug_option.check and .set (number.c, group.c) ---- */

int plug__number_check(const char *value); /* LEVEL:NAME:anything */
int plug__number_check_bin(const char *value);
int plug__number_check_int(const char *value);
int plug__number_check_data(const char *value); /* data alone */
int plug__number_set(plug_handle h, const char *value, int family, int *reterr_os);
int plug__number_set_bin(plug_handle h, const char *value, int family, int *reterr_os);
int plug__number_set_string(plug_handle h, const char *value, int family, int *reterr_os);
int plug__number_set_ip_options(plug_handle h, const char *value, int family, int *reterr_os);

int plug__group_check(const char *value);
int plug__group_check_source(const char *value);
int plug__group_check_if(const char *value);
int plug__group_set(plug_handle h, const char *value, int family, int *reterr_os);
int plug__group_set_source(plug_handle h, const char *value, int family, int *reterr_os);
int plug__group_set_if(plug_handle h, const char *value, int family, int *reterr_os);

/* Sets the step's options of one phase on a handle. family: AF_*. Returns 0, or what the first that
 * failed said. */
int plug__socket_apply(plug_handle h, const struct plug_step *step, enum plug_phase phase,
                       int family, int *reterr_os);

/* getopt's answer to PLUG__SO_CAUSE: the option that the kernel refused when the layer was opened.
 * ENOTSUP: it was something else. */
int plug__socket_cause(const struct plug_layer *l, const struct plug_step *step, void *val,
                       size_t *len);

/* 1 when the address gives an option of this level and number. */
int plug__socket_given(const struct plug_step *step, int level, int opt);

/* Sets an int option unless the address does. Failure is not one: the default is a wish. */
void plug__socket_default(plug_handle h, const struct plug_step *step, int level, int opt, int on);

/* PLUG__FAMILY_* of conf.family. */
int plug__socket_family(const struct plug_step *step);

/* ---- names (lookup.c) ---- */

extern const struct plug_option plug__lookup_options[]; /* conf: plug__socket_conf */

/* plug__resolve in the way and for the family that the step says. */
int plug__lookup(struct plug__resolve **ret, struct plug_layer *l, const struct plug_step *step,
                 const char *host, uint16_t port, struct plug__answer *now,
                 void (*changed)(void *arg), void *arg);

/* ai-passive: 0, 1, or -1 when it is not given. */
int plug__lookup_passive(const struct plug_step *step);

/* ---- making (common.c) ---- */

/* Ready to be opened; flags are PLUG__SOCKET_*. */
void plug__socket_init(struct plug__socket *s, const struct plug_step *step, unsigned flags);

/* A socket with the options of PLUG_PHASE_SOCKET. Nothing is left open on failure. */
int plug__socket_new(plug_handle *ret, const struct plug_step *step, int family, int type,
                     int *reterr_os);

/* Puts the handle into the loop (bits 0: IN, OUT and PRI; else only these) and takes it. */
int plug__socket_watch(struct plug__socket *s, plug_handle h, unsigned bits, int *reterr_os);

/* Connected: options of PLUG_PHASE_CONNECTED, OUT is ready. */
int plug__socket_up(struct plug__socket *s);

/* Takes over step->adopt. EINVAL when a listening socket is not to be listened on, or the reverse.
 */
int plug__socket_adopt(struct plug__socket *s);

/* One connection from a listening handle that its address lets in, EPERM for others, into the
 * child, which is up then. */
int plug__socket_accept(plug_handle from, struct plug_layer *listener, struct plug__socket *child);

/* The same from the listener's own handle, whose IN is cleared by EAGAIN: a plug_ops slot. */
int plug__socket_accept_own(struct plug_layer *l, struct plug_layer *child);

/* Options of PLUG_PHASE_LISTEN, then listen(2) with the address's backlog. */
int plug__socket_listen(plug_handle h, const struct plug_step *step, int family, int *reterr_os);

/* ---- plug_ops slots ---- */
int plug__socket_recv(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
int plug__socket_send(struct plug_layer *l, struct plug_msg *v, unsigned n, unsigned flags);
int plug__socket_shut(struct plug_layer *l, int how);
int plug__socket_bypass(struct plug_layer *l, unsigned dir, struct plug_bypass *ret);
int plug__socket_getopt(struct plug_layer *l, int level, int name, void *val, size_t *len);
int plug__socket_setopt(struct plug_layer *l, int level, int name, const void *val, size_t len);
plug_time plug__socket_tick(struct plug_layer *l, plug_time now);
void plug__socket_close(struct plug_layer *l);

/* ---- local addresses (bind.c) ---- */

/* The text of bind=, of either origin; NULL: none. */
const char *plug__socket_bind_text(const struct plug_step *step);

/* Splits "host:port", "host", "[v6]:port", ":port" of bind=. Copies; host and port have room for
 * PLUG__BIND bytes. Returns 0 or EINVAL. */
enum { PLUG__BIND = 256 };
int plug__socket_bind_split(const char *text, char *host, char *port);

/* Binds a client's handle of `family` (AF_*) as bind=, sourceport and lowport say. Returns 0 also
 * when they say nothing; EAFNOSUPPORT: bind= is of another family; EINVAL. */
int plug__socket_bind(plug_handle h, const struct plug_step *step, int family, int type,
                      int *reterr_os);

/* Checks host, port, bind= and sourceport at plan time. Returns 0 or EUSAGE. */
int plug__socket_check(const struct plug_step *step, const char *protocol, struct plug_err *reterr);

/* 1 when it takes data from peers that its address does not name. */
int plug__socket_hears(const struct plug_step *step);

/* EUSAGE with that hint when so-type= asks for another type than the kind's. */
int plug__socket_check_type(const struct plug_step *step, int type, const char *hint,
                            struct plug_err *reterr);

/* ---- whom a listener hears (peer.c) ---- */

enum { PLUG__LOWPORTS = 1024 }; /* ports below are given to the privileged only */

int plug__socket_filters(const struct plug_step *step); /* whether it asks at all */
/* NULL when the peer is let in, else the option that says no. */
const char *plug__socket_unwelcome(const struct plug_step *step, const struct plug_addr *peer);
/* The same for a connected Unix socket, by the peer's user. */
const char *plug__socket_unwelcome_user(const struct plug_step *step, plug_handle h);
int plug__socket_check_range(const char *value); /* the forms of range=, allow=, deny= */
int plug__socket_check_users(const char *value); /* the same for Unix sockets */
int plug__socket_range_has(const char *range, const struct plug_addr *peer); /* one range */

/* ---- tables of hosts (wrap.c) ---- */

int plug__wrap_admits(const struct plug__socket_conf *conf, const struct plug_addr *peer);

/* ---- where a listener listens (local.c) ---- */

enum { PLUG__LOCALS = 8 }; /* most addresses of one listener */

/* Its addresses, under way and found. Zeroed: not begun. */
struct plug__local {
    struct plug__resolve *resolve;
    struct plug_layer *layer;
    struct plug_addr addrs[PLUG__LOCALS];
    unsigned n;
    int dual; /* the IPv6 socket takes IPv4 as well */
};

/* What binding needs of a base. */
struct plug__local_ops {
    /* Makes, binds and registers one handle. dual: without IPV6_V6ONLY. */
    int (*one)(struct plug_layer *l, const struct plug_addr *a, int dual, int *reterr_os);
    plug_handle (*first)(struct plug_layer *l); /* of those made; PLUG_NO_HANDLE: none */
    void (*undo)(struct plug_layer *l);         /* closes all of them */
};

/* Finds the addresses that the step names: bind=, host and port. Returns 0; EAGAIN while a name is
 * looked up (the layer is made ready then); or why there are none. */
int plug__local_find(struct plug__local *w, struct plug_layer *l, const struct plug_step *step,
                     const char *protocol);

/* Binds all of them to one port. A family that the system lacks is passed over while another is
 * there. Returns 0, or why not; nothing is left open then. */
int plug__local_bind(struct plug__local *w, const struct plug__local_ops *ops, int *reterr_os);

void plug__local_drop(struct plug__local *w);

/* 1 for 0.0.0.0 and ::. */
int plug__local_is_any(const struct plug_addr *a);

/* Writes a plug_addr as the value of a getopt. */
int plug__socket_put_addr(void *val, size_t *len, const struct plug_addr *a);

#endif
