/* SPDX-License-Identifier: MIT
 *
 * Data filters: layers that offer what stands below them and look at, end or rewrite the bytes.
 * Because they are layers, movers that go past the stack are off by themselves.
 */
#ifndef PLUG_PROTO_FILTER_H
#define PLUG_PROTO_FILTER_H

#include <plug/layer.h>

/* setopt(PLUG_LEVEL_FILTER, PLUG__FILTER_SINK, struct plug__filter_sink): who is shown the bytes
 * that pass a `dump` layer. Borrowed until the endpoint is closed. */
enum { PLUG__FILTER_SINK = 1 };

struct plug__filter_sink {
    /* out: 0 received, 1 sent (only what was taken below); at: bytes that went this way before;
     * flags: PLUG_MSG_* of the record. A piece in several buffers is shown in as many calls, EOR
     * with the last. */
    void (*bytes)(void *arg, int out, uint64_t at, const void *bytes, size_t len, unsigned flags);
    void *arg;
    /* What came with a received record (plug__os_control_text), before its bytes; or NULL. */
    void (*about)(void *arg, const char *text);
    void (*closed)(void *arg); /* the layer shows nothing any more; or NULL */
};

extern const struct plug_ops plug__crnl_ops;      /* LF here, CR LF below */
extern const struct plug_ops plug__cr_ops;        /* LF here, CR below */
extern const struct plug_ops plug__escape_ops;    /* a byte received ends the input */
extern const struct plug_ops plug__readbytes_ops; /* the input ends after so many bytes */
extern const struct plug_ops plug__dump_ops;      /* shows what passes */

/* A filter's plan: offers what is below. */
int plug__filter_plan(struct plug_step *step, struct plug_err *reterr);

#endif
