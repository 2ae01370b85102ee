/* SPDX-License-Identifier: MIT
 *
 * The driver of the contract suite. It is a pump as simple as can be: it trusts nothing and
 * remembers nothing but what it sent.
 */
#include "drive.h"

#include "core/listener.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 70000, TURNS = 400000, REAL_SECONDS = 20 };

static int drive_bad(struct drive *d, int code, const char *fmt, ...)
{
    va_list ap;
    if (!d->failed) {
        va_start(ap, fmt);
        (void)vsnprintf(d->why, sizeof(d->why), fmt, ap);
        va_end(ap);
        d->failed = code ? code : PLUG_EOTHER;
    }
    return d->failed;
}

/* ---- the pattern ---- */

unsigned char drive_byte(const struct row *row, size_t at)
{
    unsigned char b = (unsigned char)((at * 31 + (at >> 8) * 7 + 3) % 251);
    return row->flags & ROW_TEXT ? (unsigned char)('a' + b % 26) : b;
}

/* The pattern comes again after 64,256 bytes: it is made once, for any piece of it to be copied. */
static const unsigned char *drive_pattern(const struct row *row, size_t at)
{
    enum { PERIOD = 251 * 256 };
    static unsigned char made[2][PERIOD + MOST];
    static int done;
    for (size_t i = 0; !done && i < PERIOD + MOST; i++) {
        made[0][i] = drive_byte(&(struct row){.flags = 0}, i);
        made[1][i] = drive_byte(&(struct row){.flags = ROW_TEXT}, i);
    }
    done = 1;
    return made[row->flags & ROW_TEXT ? 1 : 0] + at % PERIOD;
}

size_t drive_record(const struct row *row, size_t rec)
{
    static const size_t sizes[] = {5, 0, 1, 300, 254, 255, 256, 2, 2999, 17};
    size_t n = sizes[rec % (sizeof(sizes) / sizeof(*sizes))], most = row->most ? row->most : 3000;
    if (n == 0 && (row->flags & ROW_LOSSY))
        n = 3;
    return n < most ? n : most;
}

/* ---- opening ---- */

static struct plug_sock *drive_sock(struct drive *d, const char *address)
{
    struct plug_plan *plan = NULL;
    struct plug_sock *s = NULL;
    struct plug_err err = {0};
    int mate = d->row->flags & ROW_LOSSY     ? PLUG_DGRAM
               : d->row->flags & ROW_RECORDS ? PLUG_SEQPACKET
                                             : PLUG_STREAM;
    int r = plug__plan_parse(&plan, address, d->loop->layers, &err);
    if (r >= 0)
        r = plug__plan_check(plan, mate, 0, &err);
    if (r >= 0)
        r = plug__sock_new(&s, d->loop, plan, &err);
    plug__plan_drop(plan);
    if (r < 0) {
        drive_bad(d, r, "%s: %s", address, err.text);
        return NULL;
    }
    plug__sock_start(s);
    return s;
}

int drive_turn(struct drive *d)
{
    if (++d->turns > TURNS)
        return drive_bad(d, PLUG_ETIMEDOUT, "too many turns");
    if (d->world)
        return sim_turn(d->world) ? 0 : PLUG_ETIMEDOUT;
    plug_time patience = d->patience ? d->patience : REAL_SECONDS * PLUG_SECOND;
    int r = plug_loop_turn(d->loop, plug_now() + patience);
    return r > 0 ? 0 : r < 0 ? r : PLUG_ETIMEDOUT;
}

static int drive_listen(struct drive *d, char *address, size_t room)
{
    char name[128] = "";
    struct plug_addr bound = {0};
    size_t len = sizeof(bound);
    d->listener = drive_sock(d, d->row->a);
    if (!d->listener)
        return d->failed;
    while (plug_state(d->listener) == PLUG_EAGAIN)
        if (drive_turn(d) < 0)
            return drive_bad(d, PLUG_ETIMEDOUT, "%s does not listen", d->row->a);
    if (plug_state(d->listener) < 0)
        return drive_bad(d, plug_state(d->listener), "%s does not listen", d->row->a);
    if (strstr(d->row->b, "%s") &&
        (plug_getsockopt(d->listener, PLUG_LEVEL_SOCK, PLUG_SO_NAME, &bound, &len) < 0 ||
         plug_addr_text(&bound, name, sizeof(name)) < 0))
        return drive_bad(d, 0, "%s does not say where it is", d->row->a);
    const char *at = strstr(d->row->b, "%s");
    if (!at)
        (void)snprintf(address, room, "%s", d->row->b);
    else
        (void)snprintf(address, room, "%.*s%s%s", (int)(at - d->row->b), d->row->b, name, at + 2);
    return 0;
}

int drive_until_up(struct drive *d)
{
    for (;;) {
        int waiting = 0;
        if (d->listener && !d->s[0])
            d->s[0] = plug__listener_take(d->listener);
        waiting = d->listener && !d->s[0] && !(d->row->flags & ROW_LOSSY);
        for (int i = 0; i < 2; i++) {
            int state = d->s[i] ? plug_state(d->s[i]) : 0;
            if (state < 0 && state != PLUG_EAGAIN)
                return drive_bad(d, state, "side %d does not open", i);
            waiting |= state == PLUG_EAGAIN;
        }
        if (!waiting)
            return 0;
        if (drive_turn(d) < 0)
            return drive_bad(d, PLUG_ETIMEDOUT, "stuck while opening");
    }
}

int drive_open(struct drive *d, const struct row *row, struct sim_world *world,
               struct plug_loop *loop)
{
    char b[256];
    *d = (struct drive){.row = row, .world = world, .loop = world ? world->loop : loop};
    if (row->flags & ROW_LISTENS) {
        if (drive_listen(d, b, sizeof(b)) < 0)
            return d->failed;
        d->s[1] = drive_sock(d, b);
        if (!d->s[1])
            return d->failed;
    } else {
        for (int i = 0; i < (row->flags & (ROW_ECHO | ROW_SOURCE) ? 1 : 2); i++) {
            d->s[i] = drive_sock(d, i ? row->b : row->a);
            if (!d->s[i])
                return d->failed;
        }
    }
    if (world && d->s[0] && strstr(row->a, "sim:a")) {
        d->end[0] = sim_end(world, "a");
        d->end[1] = sim_end(world, "b");
    }
    return 0;
}

void drive_close(struct drive *d)
{
    for (int i = 0; i < 2; i++)
        plug_close(d->s[i]);
    plug_close(d->listener);
    d->s[0] = d->s[1] = d->listener = NULL;
    if (d->loop && !d->world)
        (void)plug_loop_turn(d->loop, 0);
}

/* ---- what holds at any time ---- */

static int drive_enomem(const struct drive *d, int r)
{
    return d->memory_fails && r == PLUG_ENOMEM;
}

/* send with n = 0 says 0 when `want` asks for nothing on the layers' own behalf, and does nothing.
 */
static int drive_check_out(struct drive *d, struct plug_sock *s)
{
    if (s->failed || s->top->error[1])
        return 0;
    unsigned want = plug__sock_want(s, 0);
    struct sim_end *e = s == d->s[0] ? d->end[0] : d->end[1];
    uint64_t calls = e ? e->calls[SIM_OUT] : 0;
    if (want & (PLUG_OUT | PLUG_IN))
        return 0; /* the loop will call: to write, or to read what a write waits for */
    int r = plug__sock_send(s, NULL, 0, 0);
    if (r != 0 && r != PLUG_EAGAIN && !drive_enomem(d, r))
        return s->top->error[1] ? 0 : drive_bad(d, r, "send n=0 says %d", r);
    if (r == PLUG_EAGAIN && s->top->below)
        return drive_bad(d, 0, "send n=0 holds output that want does not tell");
    if (e && e->calls[SIM_OUT] != calls)
        return drive_bad(d, 0, "send n=0 did work that want did not tell");
    return 0;
}

/* With the base frozen a recv succeeds exactly when `want` says NOW. */
static int drive_recv(struct drive *d, int from, struct plug_msg *m);
static int drive_check_now(struct drive *d, int from)
{
    struct plug_sock *s = d->s[d->row->flags & ROW_ECHO ? 0 : !from];
    struct sim_end *e = d->row->flags & ROW_ECHO ? NULL : d->end[!from];
    char buf[64];
    struct plug_iov iov = {buf, sizeof(buf)};
    struct plug_msg m = {.iov = &iov, .niov = 1};
    if (!e || !s || s->top->error[0] || s->failed)
        return 0;
    int r0 = plug__sock_recv(s, NULL, 0, 0);
    if (r0 != 0 && r0 != PLUG_EAGAIN && !drive_enomem(d, r0))
        return s->top->error[0] ? 0 : drive_bad(d, r0, "recv n=0 says %d", r0);
    unsigned want = plug__sock_want(s, PLUG_IN);
    if (!(want & PLUG_IN))
        return drive_bad(d, 0, "want forgets IN");
    if (s->unread)
        return 0; /* the base's unread bytes are core's, no layer's */
    e->frozen = SIM_PROBED;
    int r = drive_recv(d, from, &m);
    e->frozen = 0;
    if (drive_enomem(d, r))
        return 0;
    if ((want & PLUG_NOW) && r == PLUG_EAGAIN)
        return drive_bad(d, 0, "want says NOW and recv says EAGAIN");
    if (!(want & PLUG_NOW) && r != PLUG_EAGAIN && !s->top->error[0])
        return drive_bad(d, 0, "recv gives %d from inside and want did not say NOW", r);
    return d->failed;
}

/* ---- moving ---- */

static int drive_send(struct drive *d, int from)
{
    static unsigned char buf[MOST];
    struct drive_flow *f = &d->flow[from];
    int records = d->row->flags & ROW_RECORDS;
    size_t n = f->total - f->sent, off = f->sent;
    size_t whole = drive_record(d->row, f->rec), cut = 0;
    if (f->sent_all)
        return PLUG_EAGAIN;
    if (records) {
        n = whole - f->rec_sent;
    } else if (f->piece && n > f->piece) {
        n = f->piece;
    }
    n = n < MOST ? n : MOST;
    if (!records && !f->piece && n > 1500)
        n = 1500; /* more than any layer's own buffer, and soon made */
    memcpy(buf, drive_pattern(d->row, off), n);
    cut = n / 3; /* in three buffers */
    struct plug_iov iov[3] = {{buf, cut}, {buf + cut, cut}, {buf + 2 * cut, n - 2 * cut}};
    struct plug_msg m = {.iov = iov, .niov = 3, .flags = records ? PLUG_MSG_EOR : 0, .len = 77};
    int r = plug__sock_send(d->s[from], &m, 1, 0);
    if (r == PLUG_EAGAIN || drive_enomem(d, r))
        return PLUG_EAGAIN;
    if (r != 1)
        return drive_bad(d, r, "send from %d says %d after %zu bytes", from, r, f->sent);
    if (m.len > n || (!records && n && !m.len))
        return drive_bad(d, 0, "send took %zu of %zu", m.len, n);
    f->sent += m.len;
    if (records) {
        f->rec_sent += m.len;
        if (f->rec_sent == whole) {
            f->rec++;
            f->rec_sent = 0;
        }
    }
    f->sent_all = f->sent >= f->total && !f->rec_sent;
    return 0;
}

static int drive_got(struct drive *d, int from, const struct plug_msg *m)
{
    struct drive_flow *f = &d->flow[from];
    size_t at = 0;
    for (unsigned i = 0; i < m->niov && at < m->len; i++) {
        size_t n = m->iov[i].len < m->len - at ? m->iov[i].len : m->len - at;
        if (n && memcmp(m->iov[i].base, drive_pattern(d->row, f->got + at), n) != 0)
            return drive_bad(d, 0, "bytes %zu+%zu from %d are wrong", f->got + at, n, from);
        at += n;
    }
    f->got += m->len;
    if (!(d->row->flags & ROW_RECORDS))
        return m->flags & PLUG_MSG_EOR ? drive_bad(d, 0, "a stream shows a boundary") : 0;
    f->in_at += m->len;
    if (m->flags & PLUG_MSG_TRUNC)
        return drive_bad(d, 0, "a record of %zu came cut", drive_record(d->row, f->rec_in));
    if (!(m->flags & PLUG_MSG_EOR))
        return 0;
    if (f->in_at != drive_record(d->row, f->rec_in))
        return drive_bad(d, 0, "record %zu of %zu came with %zu bytes", f->rec_in,
                         drive_record(d->row, f->rec_in), f->in_at);
    f->rec_in++;
    f->in_at = 0;
    return 0;
}

static int drive_recv(struct drive *d, int from, struct plug_msg *m)
{
    struct plug_sock *s = d->s[d->row->flags & ROW_ECHO ? 0 : !from];
    int r = plug__sock_recv(s, m, 1, 0);
    if (r == PLUG_EAGAIN || drive_enomem(d, r))
        return r;
    if (r == PLUG_EOF) {
        d->flow[from].eof = 1;
        return r;
    }
    if (r != 1)
        return drive_bad(d, r, "recv of what %d sent says %d after %zu bytes", from, r,
                         d->flow[from].got);
    if (m->len == 0 && !(m->flags & PLUG_MSG_EOR) && !(d->row->flags & ROW_RECORDS))
        return drive_bad(d, 0, "recv gives 0 bytes of a stream");
    if (drive_got(d, from, m) < 0)
        return d->failed;
    return r;
}

static int drive_take(struct drive *d, int from)
{
    static unsigned char buf[MOST];
    size_t room = d->flow[from].recv_room ? d->flow[from].recv_room : 4096, half = room / 2;
    struct plug_iov iov[2] = {{buf, half}, {buf + half, room - half}};
    struct plug_msg m = {.iov = iov, .niov = 2};
    struct plug_sock *s = d->s[d->row->flags & ROW_ECHO ? 0 : !from];
    if (!s)
        return PLUG_EAGAIN;
    int now = (plug__sock_want(s, PLUG_IN) & PLUG_NOW) != 0;
    int r = drive_recv(d, from, &m);
    if (now && r == PLUG_EAGAIN)
        return drive_bad(d, 0, "want said NOW and recv says EAGAIN");
    return r == PLUG_EAGAIN || drive_enomem(d, r) ? PLUG_EAGAIN : r == PLUG_EOF ? 0 : r;
}

static int drive_flow_done(const struct drive *d, int from)
{
    const struct drive_flow *f = &d->flow[from];
    return f->sent_all && f->got == f->sent && !f->in_at &&
           (!(d->row->flags & ROW_RECORDS) || f->rec_in == f->rec);
}

/* One direction as far as it goes. Returns 1 when anything moved. */
static int drive_flow(struct drive *d, int from)
{
    int moved = 0;
    struct plug_sock *s = d->s[from];
    if (!s || d->failed)
        return 0;
    if (drive_check_out(d, s) < 0)
        return 0;
    for (int i = 0; i < 8 && drive_send(d, from) >= 0; i++)
        moved = 1;
    if (d->failed || drive_check_out(d, s) < 0 || d->flow[from].eof)
        return moved;
    size_t got = d->flow[from].got, recs = d->flow[from].rec_in;
    if (drive_check_now(d, from) < 0)
        return 0;
    for (int i = 0; i < 8 && !d->flow[from].eof && drive_take(d, from) >= 0; i++)
        moved = 1;
    return moved || got != d->flow[from].got || recs != d->flow[from].rec_in;
}

static int drive_move(struct drive *d, int dirs)
{
    for (;;) {
        int moved = 0, done = 1;
        if (d->listener && !d->s[0])
            d->s[0] = plug__listener_take(d->listener);
        for (int from = 0; from < 2; from++) {
            if (!(dirs & 1 << from))
                continue;
            moved |= drive_flow(d, from);
            done &= drive_flow_done(d, from);
        }
        if (d->failed)
            return d->failed;
        if (done)
            return 0;
        for (int from = 0; from < 2; from++)
            if (d->flow[from].eof && !drive_flow_done(d, from))
                return drive_bad(d, 0, "EOF after %zu bytes of %zu", d->flow[from].got,
                                 d->flow[from].sent);
        if (!moved && drive_turn(d) < 0)
            return drive_bad(d, PLUG_ETIMEDOUT, "stuck: sent %zu and %zu, got %zu and %zu",
                             d->flow[0].sent, d->flow[1].sent, d->flow[0].got, d->flow[1].got);
    }
}

/* Half-closes s[from] and waits until the other side reads EOF. */
static int drive_end(struct drive *d, int from)
{
    int r;
    while ((r = plug__sock_shut(d->s[from], PLUG_SHUT_WR)) == PLUG_EAGAIN)
        if (drive_turn(d) < 0)
            return drive_bad(d, PLUG_ETIMEDOUT, "shut of %d never ends", from);
    if (r < 0)
        return drive_bad(d, r, "shut of %d says %d", from, r);
    while (!d->flow[from].eof) {
        r = drive_take(d, from);
        if (d->failed)
            return d->failed;
        if (r == PLUG_EAGAIN && drive_turn(d) < 0)
            return drive_bad(d, PLUG_ETIMEDOUT, "no EOF from %d", from);
    }
    r = drive_take(d, from); /* EOF again, for ever */
    return d->failed;
}

int drive_run(struct drive *d)
{
    unsigned f = d->row->flags;
    if (drive_until_up(d) < 0)
        return d->failed;
    int dirs = f & (ROW_ECHO | ROW_ONEWAY) ? 1 : 3;
    if (f & ROW_LOSSY) /* the child of a datagram listener is there with the first record */
        dirs = d->listener ? 2 : dirs;
    if (drive_move(d, dirs) < 0)
        return d->failed;
    if ((f & ROW_LOSSY) && d->listener && drive_move(d, 3) < 0)
        return d->failed;
    if (f & (ROW_LOSSY | ROW_NOHALF))
        return 0;
    if (drive_end(d, 0) < 0)
        return d->failed;
    return dirs == 3 ? drive_end(d, 1) : 0;
}
