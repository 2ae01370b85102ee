/* SPDX-License-Identifier: MIT
 *
 * The calls of plug.h. One engine: a blocking call turns its sock's private loop until its
 * condition holds or the deadline has come; on a shared loop it is one attempt. No protocol is
 * known here.
 */
#include "core/listener.h"
#include "core/serve.h"
#include "core/sock.h"
#include "util/err.h"
#include <plug/version.h>
#include <string.h>

/* ---- the engine ---- */

typedef int (*api_try)(struct plug_sock *s, void *arg); /* EAGAIN: not yet */

static int api_wait(struct plug_sock *s, api_try fn, void *arg, plug_time deadline)
{
    for (int polled = 0;; polled = 1) {
        int r = plug__sock_turn(s);
        if (r != PLUG_EAGAIN)
            r = fn(s, arg);
        if (r != PLUG_EAGAIN)
            return r;
        if (!s->loop->private_)
            return deadline ? PLUG_EDEADLK : PLUG_EAGAIN;
        if (polled && deadline <= plug_now())
            return deadline ? PLUG_ETIMEDOUT : PLUG_EAGAIN;
        r = plug__loop_poll(s->loop, deadline);
        if (r < 0)
            return r;
    }
}

static int api_is_up(struct plug_sock *s, void *arg)
{
    (void)arg;
    if (s->failed)
        return s->failed;
    return s->flags & PLUG__SOCK_UP ? 0 : PLUG_EAGAIN;
}

/* Starts to open and, on a private loop, waits for the outcome. */
static int api_open(struct plug_sock *s, plug_time deadline)
{
    plug__sock_start(s);
    return api_wait(s, api_is_up, NULL, s->loop->private_ ? deadline : 0);
}

/* ---- opening ---- */

const char *plug_version(void)
{
    return PLUG_VERSION;
}

static int api_make(struct plug_sock **ret, struct plug_loop *loop, struct plug_plan *plan,
                    struct plug_err *reterr)
{
    int r = plug__plan_check(plan, 0, 0, reterr);
    if (r >= 0)
        r = plug__sock_new(ret, loop, plan, reterr);
    plug__plan_drop(plan);
    return r;
}

int plug_socket(struct plug_sock **ret, struct plug_loop *loop, const char *stack,
                struct plug_err *reterr)
{
    struct plug_plan *plan;
    int r;
    if (!ret || !stack)
        return plug__err(reterr, PLUG_EINVAL, 0, NULL, "plug_socket needs a place and a stack");
    r = plug__plan_stack(&plan, stack, loop ? loop->layers : NULL, reterr);
    return r < 0 ? r : api_make(ret, loop, plan, reterr);
}

static int api_address(struct plug_sock **ret, struct plug_loop *loop, const char *address,
                       struct plug_err *reterr)
{
    struct plug_plan *plan;
    int r;
    if (!ret || !address)
        return plug__err(reterr, PLUG_EINVAL, 0, NULL, "plug_open needs a place and an address");
    r = plug__plan_parse(&plan, address, loop ? loop->layers : NULL, reterr);
    return r < 0 ? r : api_make(ret, loop, plan, reterr);
}

int plug_open(struct plug_sock **ret, const char *address, plug_time deadline,
              struct plug_err *reterr)
{
    struct plug_sock *s = NULL;
    int r;
    if (!ret)
        return plug__err(reterr, PLUG_EINVAL, 0, NULL, "plug_open needs a place for the endpoint");
    r = api_address(&s, NULL, address, reterr);
    if (r < 0)
        return r;
    PLUG_ASSERT(s);
    r = api_open(s, deadline);
    if (r < 0) {
        if (!s->failed) /* our own deadline came before the endpoint's */
            plug__err(reterr, r, 0, s->opening ? s->opening->ops->name : NULL, "%s",
                      plug_strerror(r));
        else
            (void)plug_error(s, reterr);
        plug_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

int plug_open_on(struct plug_sock **ret, struct plug_loop *loop, const char *address,
                 struct plug_err *reterr)
{
    int r;
    if (!loop)
        return plug__err(reterr, PLUG_EINVAL, 0, NULL, "plug_open_on needs a loop");
    r = api_address(ret, loop, address, reterr);
    if (r >= 0)
        plug__sock_start(*ret);
    return r;
}

int plug_bind(struct plug_sock *s, const char *address)
{
    char *text;
    int r = plug__sock_mine(s);
    if (r < 0 || !address)
        return r < 0 ? r : PLUG_EINVAL;
    if (s->flags & PLUG__SOCK_STARTED)
        return PLUG_EISCONN;
    text = plug__plan_strdup(s->plan, address);
    if (!text)
        return PLUG_ENOMEM;
    s->plan->steps[0].bind = text;
    return 0;
}

/* What an address would have said at once: the layers are there already and cannot become others.
 */
static int api_aim(struct plug_sock *s, const char *address)
{
    struct plug_plan *p = s->plan;
    int r = plug__plan_target(p, address, NULL);
    if (r >= 0)
        r = plug__plan_check(p, 0, 0, NULL);
    for (unsigned i = 0; i < p->nsteps && r >= 0; i++)
        if (p->steps[i].ops != plug__sock_layer(s, i)->ops)
            r = PLUG_EUSAGE;
    return r;
}

int plug_connect(struct plug_sock *s, const char *address, plug_time deadline)
{
    int r = plug__sock_mine(s);
    if (r < 0 || !address)
        return r < 0 ? r : PLUG_EINVAL;
    if (s->flags & PLUG__SOCK_STARTED)
        return s->flags & PLUG__SOCK_UP ? PLUG_EISCONN : PLUG_EINPROGRESS;
    if (s->flags & PLUG__SOCK_LISTENER)
        return PLUG_EISCONN;
    r = api_aim(s, address);
    return r < 0 ? r : api_open(s, deadline);
}

int plug_connect_addr(struct plug_sock *s, const struct plug_addr *address, plug_time deadline)
{
    char text[160];
    int r;
    if (!s || !address || !address->len)
        return PLUG_EINVAL;
    r = plug_addr_text(address, text, sizeof(text));
    return r < 0 ? r : plug_connect(s, text, deadline);
}

int plug_listen(struct plug_sock *s, int backlog)
{
    int r = plug__sock_mine(s);
    if (r < 0 || backlog < 0)
        return r < 0 ? r : PLUG_EINVAL;
    if (s->flags & PLUG__SOCK_STARTED)
        return PLUG_EISCONN;
    if (!(s->plan->steps[0].ops->flags & PLUG_LISTENS))
        return PLUG_ENOTSUP;
    s->plan->common.backlog = backlog;
    r = s->listener ? 0 : plug__listener_new(s);
    if (r < 0)
        return r;
    s->plan->steps[0].role = PLUG_LISTENER;
    for (unsigned i = 1; i < s->plan->nsteps; i++)
        s->plan->steps[i].role = PLUG_SERVER;
    s->flags |= PLUG__SOCK_LISTENER;
    return api_open(s, 0);
}

static int api_take(struct plug_sock *s, void *arg)
{
    struct plug_sock *child = s->failed ? NULL : plug__listener_take(s);
    if (child)
        *(struct plug_sock **)arg = child;
    return child ? 0 : s->failed ? s->failed : PLUG_EAGAIN;
}

/* A child of a private loop's kernel listener gets a loop of its own, so that another thread may
 * use it. */
static int api_own_loop(struct plug_sock *child)
{
    struct plug_loop *loop;
    int r;
    if (!child->loop->private_ || (child->plan->steps[0].ops->flags & PLUG_MUXED))
        return 0;
    r = plug__loop_make(&loop, &plug__poll_backend, NULL);
    if (r < 0)
        return r;
    loop->private_ = 1;
    loop->now = plug_now();
    r = plug__sock_move(child, loop);
    if (r < 0)
        plug_loop_free(loop);
    return r == PLUG_ENOTSUP ? 0 : r;
}

int plug_accept(struct plug_sock *s, struct plug_sock **ret, plug_time deadline)
{
    struct plug_sock *child = NULL;
    int r = plug__sock_mine(s);
    if (r < 0 || !ret || !(s->flags & PLUG__SOCK_LISTENER))
        return r < 0 ? r : PLUG_EINVAL;
    r = api_wait(s, api_take, &child, deadline);
    if (r >= 0)
        r = api_own_loop(child);
    if (r < 0) {
        plug_close(child);
        return r;
    }
    *ret = child;
    return 0;
}

int plug_state(const struct plug_sock *s)
{
    int r = plug__sock_mine(s);
    if (r < 0)
        return r;
    if (s->failed)
        return s->failed;
    return s->flags & PLUG__SOCK_UP ? 0 : PLUG_EAGAIN;
}

/* ---- data ---- */

struct api_io {
    struct plug_msg *v;
    unsigned n, flags;
};

static int api_try_send(struct plug_sock *s, void *arg)
{
    struct api_io *io = arg;
    return s->failed ? s->failed : plug__sock_send(s, io->v, io->n, io->flags);
}

static int api_try_recv(struct plug_sock *s, void *arg)
{
    struct api_io *io = arg;
    return s->failed ? s->failed : plug__sock_recv(s, io->v, io->n, io->flags);
}

/* A datagram socket needs no connect: it opens at its first use. Others are ENOTCONN. */
int plug__sock_begin(struct plug_sock *s)
{
    const struct plug_step *base = &s->plan->steps[0];
    if (s->flags & PLUG__SOCK_STARTED)
        return 0;
    if (s->plan->nsteps > 1 || base->offers != PLUG_DGRAM || !(base->ops->flags & PLUG_LISTENS))
        return PLUG_ENOTCONN;
    return api_open(s, 0);
}

static int api_can_move(struct plug_sock *s)
{
    int r = plug__sock_mine(s);
    if (r < 0 || (s->flags & PLUG__SOCK_LISTENER))
        return r < 0 ? r : PLUG_EINVAL;
    return plug__sock_begin(s);
}

int plug_sendmmsg(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags,
                  plug_time deadline)
{
    struct api_io io = {v, n, flags};
    int r = api_can_move(s);
    if (r < 0 || !v || n == 0)
        return r < 0 ? r : PLUG_EINVAL;
    return api_wait(s, api_try_send, &io, deadline);
}

int plug_recvmmsg(struct plug_sock *s, struct plug_msg *v, unsigned n, unsigned flags,
                  plug_time deadline)
{
    struct api_io io = {v, n, flags};
    int r = api_can_move(s);
    if (r < 0 || !v || n == 0)
        return r < 0 ? r : PLUG_EINVAL;
    return api_wait(s, api_try_recv, &io, deadline);
}

/* What leaves an output-only buffer as it was: the compiler cannot know that sends only read. */
static void *api_unconst(const void *p)
{
    return (void *)(uintptr_t)p;
}

int64_t plug_sendto(struct plug_sock *s, const void *buf, size_t len, unsigned flags,
                    const struct plug_addr *to, plug_time deadline)
{
    struct plug_iov iov = {api_unconst(buf), len};
    struct plug_msg m = {.iov = &iov, .niov = 1, .flags = flags, .name = api_unconst(to)};
    int r = api_can_move(s);
    if (r < 0 || (!buf && len))
        return r < 0 ? r : PLUG_EINVAL;
    if (plug__sock_step(s)->offers == PLUG_STREAM && len == 0)
        return 0;
    if (!(flags & PLUG_MSG_MORE))
        m.flags |= PLUG_MSG_EOR;
    if (to && plug__sock_step(s)->offers != PLUG_DGRAM && plug__sock_step(s)->offers != PLUG_RAW)
        return PLUG_EISCONN;
    r = plug_sendmmsg(s, &m, 1, flags, deadline);
    return r < 0 ? r : (int64_t)m.len;
}

int64_t plug_send(struct plug_sock *s, const void *buf, size_t len, unsigned flags,
                  plug_time deadline)
{
    return plug_sendto(s, buf, len, flags, NULL, deadline);
}

int64_t plug_recvfrom(struct plug_sock *s, void *buf, size_t len, unsigned flags,
                      struct plug_addr *from, plug_time deadline)
{
    struct plug_iov iov = {buf, len};
    struct plug_msg m = {.iov = &iov, .niov = 1, .name = from};
    int r = api_can_move(s);
    if (r < 0 || (!buf && len))
        return r < 0 ? r : PLUG_EINVAL;
    if (plug__sock_step(s)->offers == PLUG_STREAM && len == 0)
        return 0;
    r = plug_recvmmsg(s, &m, 1, flags, deadline);
    return r < 0 ? r : (int64_t)m.len;
}

int64_t plug_recv(struct plug_sock *s, void *buf, size_t len, unsigned flags, plug_time deadline)
{
    return plug_recvfrom(s, buf, len, flags, NULL, deadline);
}

/* ---- ends and errors ---- */

static int api_try_shut(struct plug_sock *s, void *arg)
{
    return plug__sock_shut(s, *(int *)arg);
}

int plug_shutdown(struct plug_sock *s, int how, plug_time deadline)
{
    int r = plug__sock_mine(s);
    if (r < 0 || (s->flags & PLUG__SOCK_LISTENER) || how < PLUG_SHUT_RD || how > PLUG_SHUT_RESET)
        return r < 0 ? r : PLUG_EINVAL;
    if (!(s->flags & PLUG__SOCK_STARTED))
        return PLUG_ENOTCONN;
    if (how == PLUG_SHUT_RESET)
        return plug__sock_shut(s, how);
    return api_wait(s, api_try_shut, &how, deadline);
}

/* What a shell would say of a child's status. */
static void api_child_text(struct plug_err *ret, int code, int status, const char *layer)
{
    int killed = PLUG_CHILD_KILLED(status);
    plug__err(ret, code, status, layer, killed ? "%s, by signal %d" : "%s, status %d",
              plug_strerror(code), killed ? status - 128 : status);
}

/* The layer whose error explains the sock's: the lowest that has one, for others only pass it on.
 */
static const struct plug_layer *api_culprit(const struct plug_sock *s)
{
    const struct plug_layer *found = NULL;
    for (const struct plug_layer *l = s->top; l; l = l->below) {
        if ((l->error[0] && l->error[0] != PLUG_EOF) || l->error[1])
            found = l;
    }
    return found;
}

/* The step that a layer itself names as the one that failed, before the code's text. */
static int api_cause(const struct plug_layer *l, char *buf, size_t len)
{
    union {
        const struct plug_layer *in;
        struct plug_layer *out;
    } u = {.in = l}; /* getopt changes nothing */
    return l && l->ops->flags & PLUG_BASE &&
           l->ops->getopt(u.out, PLUG_LEVEL_SOCK, PLUG__SO_CAUSE, buf, &len) >= 0;
}

/* What a layer has to say beyond the code. */
static int api_why(const struct plug_layer *l, char *buf, size_t len)
{
    union {
        const struct plug_layer *in;
        struct plug_layer *out;
    } u = {.in = l}; /* getopt changes nothing */
    return l && l->ops->getopt(u.out, PLUG_LEVEL_SOCK, PLUG__SO_WHY, buf, &len) >= 0;
}

static void api_step_text(struct plug_err *ret, int code, int os, const char *layer,
                          const char *step)
{
    int denied = code == PLUG_EPERM || code == PLUG_EACCES;
    plug__err(ret, code, os, layer, "%s: %s", step, plug_strerror(code));
    plug__err_hint(ret, "option %s asks for it%s", step,
                   denied ? ", which needs a privilege that plug lacks" : "");
}

static void api_lock_text(const struct plug_sock *s, struct plug_err *reterr, int code, int os)
{
    const struct plug__common *c = &s->plan->common;
    plug__err(reterr, code, os, "lockfile", "lock file %.100s: %s",
              c->lockfile ? c->lockfile : c->waitlock,
              code == PLUG_EBUSY ? "another has it" : plug_strerror(code));
}

int plug_error(const struct plug_sock *s, struct plug_err *reterr)
{
    const struct plug_layer *l;
    int code = plug__sock_mine(s), os = 0;
    char text[96];
    if (code < 0)
        return plug__err(reterr, code, 0, NULL, "%s", plug_strerror(code));
    code = s->failed;
    l = api_culprit(s);
    if (l) {
        os = l->os_error;
        if (!code)
            code = l->error[0] && l->error[0] != PLUG_EOF ? l->error[0] : l->error[1];
    }
    if (!code) {
        if (reterr)
            *reterr = (struct plug_err){0};
        return 0;
    }
    if (s->flags & PLUG__SOCK_BARRED)
        api_lock_text(s, reterr, code, os);
    else if (code == PLUG_EOTHER && os)
        plug__err(reterr, code, os, l->ops->name, "%s", plug__os_text(os, text, sizeof(text)));
    else if (code == PLUG_ECHILD && os)
        api_child_text(reterr, code, os, l->ops->name);
    else if (api_cause(l, text, sizeof(text)))
        api_step_text(reterr, code, os, l->ops->name, text);
    else if (api_why(l, text, sizeof(text)))
        plug__err(reterr, code, os, l->ops->name, "%s: %s", plug_strerror(code), text);
    else
        plug__err(reterr, code, os, l ? l->ops->name : NULL, "%s", plug_strerror(code));
    return code;
}

int plug_addr_text(const struct plug_addr *addr, char *buf, size_t len)
{
    return addr && buf && len ? plug__os_addr_text(addr, buf, len) : PLUG_EINVAL;
}
