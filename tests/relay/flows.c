/* SPDX-License-Identifier: MIT
 *
 * Which kinds can be joined, what flows between two of them, and who of them ends first. It moves
 * nothing and opens nothing.
 */
#include "matrix.h"

enum { LOSSY_SOURCE = 64 * 1024 };

int pair_joins(const struct kind *a, const struct kind *b)
{
    if (((a->flags & KIND_FEW) && !(b->flags & KIND_PARTNER)) ||
        ((b->flags & KIND_FEW) && !(a->flags & KIND_PARTNER)))
        return 0;
    if (a->how == HOW_ECHO || b->how == HOW_ECHO) {
        const struct kind *k = a->how == HOW_ECHO ? b : a;
        return k->how != HOW_ECHO && (k->flags & KIND_TALKS) && (k->flags & KIND_HEARS);
    }
    return ((a->flags & KIND_TALKS) && (b->flags & KIND_HEARS)) ||
           ((b->flags & KIND_TALKS) && (a->flags & KIND_HEARS));
}

int pair_is_echo(const struct pair *p, int i)
{
    return p->end[i].kind->how == HOW_ECHO;
}

int pair_incoming(const struct pair *p, int i)
{
    int from = pair_is_echo(p, !i) ? i : !i;
    return p->flow[from].on ? from : -1;
}

static const struct kind *flow_sink(const struct pair *p, int i)
{
    return p->end[pair_is_echo(p, !i) ? i : !i].kind;
}

static size_t flow_most(const struct pair *p)
{
    size_t most = SIZE_MAX;
    for (int i = 0; i < 2; i++) {
        const struct kind *k = p->end[i].kind;
        most = k->limit && k->limit < most ? k->limit : most;
    }
    return most;
}

static size_t flow_size(const struct pair *p, int i)
{
    const struct kind *k = p->end[i].kind;
    size_t size = p->size;
    if (k->most && size > k->most)
        size = k->most;
    if (p->lossy && k->how == HOW_SOURCE && size > LOSSY_SOURCE)
        size = LOSSY_SOURCE;
    return size;
}

/* A sink of records that gets a stream puts it in records of its own. */
void pair_flow(struct pair *p, int i, uint64_t seed)
{
    struct flow *f = &p->flow[i];
    const struct kind *from = p->end[i].kind, *to = flow_sink(p, i), *beyond = p->end[!i].kind;
    int through = to->flags & KIND_RECORDS;
    *f = (struct flow){.hold = UINT64_MAX, .chunk = to->chunk ? to->chunk : 8192};
    f->on = from->how != HOW_ECHO && (from->flags & KIND_TALKS) && (to->flags & KIND_HEARS);
    f->bounds = (from->flags & (KIND_RECORDS | KIND_WHOLE)) && through &&
                (beyond->flags & (KIND_RECORDS | KIND_TAKES));
    if (p->block)
        f->chunk = p->block;
    f->content = (struct content){
        .seed = content_mix(seed, (uint64_t)i),
        .size = f->on ? flow_size(p, i) : 0,
        .most = flow_most(p),
        .letters = ((p->end[0].kind->flags | p->end[1].kind->flags) & KIND_LETTERS) != 0,
        .whole = (from->flags & KIND_WHOLE) != 0,
        .empties = (from->flags & KIND_EMPTY) && ((beyond->flags & KIND_EMPTY) || !through),
    };
    if (f->on && (from->flags & KIND_KNOCKS) && !f->content.size && !f->content.empties)
        f->content.size = 1; /* without a record there is no session */
    if (f->on && (to->flags & KIND_BEGINS) && from->how == HOW_SOURCE && !f->content.size)
        f->content.size = 1;
    if (from->how == HOW_SOURCE) {
        f->sent = f->content.size;
        f->sent_records = f->content.whole && (f->content.size || f->content.empties);
    }
}

static int can_end(const struct pair *p, int i)
{
    const struct kind *k = p->end[i].kind;
    return (k->flags & (KIND_ENDS | KIND_ONCE)) && (k->flags & KIND_TALKS) && k->how != HOW_ECHO;
}

/* The test's end reads an end of data when plug half-closes. */
int pair_sees_end(const struct pair *p, int i)
{
    const struct kind *k = p->end[i].kind;
    return (k->flags & KIND_ENDS) && (k->flags & KIND_HEARS) && k->how != HOW_SINK &&
           k->how != HOW_ECHO;
}

/* The one that does not end first keeps something to say after that. */
static void hold_reply(struct pair *p, int i)
{
    struct flow *f = &p->flow[i];
    const struct kind *k = p->end[i].kind;
    size_t least = k->flags & KIND_KNOCKS ? 2 : 1;
    if (k->how == HOW_SOURCE)
        return;
    if (!(p->end[0].kind->flags & p->end[1].kind->flags & KIND_ENDS) && f->content.size < least)
        f->content.size = least;
    f->hold = (f->content.size + least - 1) / 2;
    f->content.mark = (size_t)f->hold;
}

/* The one direction that there is has no end. */
static int endless(const struct pair *p)
{
    return (p->flow[0].on && !p->flow[1].on && !can_end(p, 0) && !pair_is_echo(p, 1)) ||
           (p->flow[1].on && !p->flow[0].on && !can_end(p, 1) && !pair_is_echo(p, 0));
}

static int ends_itself(const struct pair *p, int i)
{
    return p->end[i].kind->how == HOW_SOURCE ||
           ((p->end[i].kind->flags & KIND_ONCE) && p->end[!i].kind->how != HOW_SOURCE);
}

void pair_choose_closing(struct pair *p)
{
    int a = can_end(p, 0), b = can_end(p, 1);
    p->closing = p->asked;
    if (endless(p))
        p->closing = CLOSE_NONE;
    else if (ends_itself(p, 0) || (a && !b))
        p->closing = CLOSE_A;
    else if (ends_itself(p, 1) || (b && !a))
        p->closing = CLOSE_B;
    else if (!a && !b)
        p->closing = CLOSE_NONE;
    for (int i = 0; i < 2; i++)
        if (p->closing == (i ? CLOSE_A : CLOSE_B) && p->flow[i].on)
            hold_reply(p, i);
}
