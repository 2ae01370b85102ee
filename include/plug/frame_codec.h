/* SPDX-License-Identifier: MIT
 *
 * Records in a byte stream: newline, length prefixes, netstrings and COBS as pure codecs, bytes in
 * and bytes out. It does no I/O, keeps no buffer and allocates nothing.
 */
#ifndef PLUG_FRAME_CODEC_H
#define PLUG_FRAME_CODEC_H

#include <plug/plug.h>

#ifdef __cplusplus
extern "C" {
#endif

enum plug_frame_kind {
    PLUG_FRAME_LINE,      /* bytes, then a newline; a record cannot hold one */
    PLUG_FRAME_LEN16,     /* 2 bytes of length in network order, then the bytes */
    PLUG_FRAME_LEN32,     /* 4 bytes of length in network order, then the bytes */
    PLUG_FRAME_NETSTRING, /* "5:hello," */
    PLUG_FRAME_COBS,      /* consistent overhead byte stuffing, a zero byte behind each record */
    PLUG_FRAME_KINDS
};

enum { PLUG_FRAME_HEAD = 12 }; /* the longest head of a record */

/* Where a decoder stands; zero is not valid, see plug_frame_decoder_init. Private. */
struct plug_frame_decoder {
    uint64_t limit, seen, left; /* seen: bytes of the record so far; left: of a length or block */
    uint8_t kind, phase, count, code;
};

/* Where an encoder stands within one record. Private. */
struct plug_frame_encoder {
    uint64_t limit, left; /* left: bytes of the record that are still to come */
    uint8_t kind, phase, pos, headlen, code, skip;
    uint8_t head[PLUG_FRAME_HEAD];
};

/* limit: longest record accepted in bytes; 0 or more than the format can say: the format's own. */
PLUG_API void plug_frame_decoder_init(struct plug_frame_decoder *d, enum plug_frame_kind kind,
                                      uint64_t limit);

/* Takes input and gives a record's bytes. *inlen and *outlen: room in, used out. Returns 1 when a
 * record ended with the input taken (*outlen may be 0), 0 when the input is used up or the output
 * full, PLUG_EPROTO (not this format) or PLUG_EMSGSIZE (longer than the limit); then the decoder is
 * of no more use. */
PLUG_API int plug_frame_decode(struct plug_frame_decoder *d, const void *in, size_t *inlen,
                               void *out, size_t *outlen);

/* 1 while a record has begun and not ended. */
PLUG_API int plug_frame_inside(const struct plug_frame_decoder *d);

/* The input ended. Returns 1 when that ends a record (a line without its newline), PLUG_EOF between
 * records, PLUG_EPROTO inside one. */
PLUG_API int plug_frame_finish(struct plug_frame_decoder *d);

/* How many bytes may be read at least without reading into the next record; never 0. */
PLUG_API size_t plug_frame_sure(const struct plug_frame_decoder *d);

/* How many of the next input bytes are the record's own as they stand, so that they may be read to
 * their place at once. */
PLUG_API size_t plug_frame_plain(const struct plug_frame_decoder *d);

/* n <= plug_frame_plain bytes were read to their place. Returns 1 when the record ended, else 0. */
PLUG_API int plug_frame_skip(struct plug_frame_decoder *d, size_t n);

/* Begins a record of len bytes. Returns 0, or PLUG_EMSGSIZE (limit as above). */
PLUG_API int plug_frame_encoder_init(struct plug_frame_encoder *e, enum plug_frame_kind kind,
                                     uint64_t limit, uint64_t len);

/* Gives the record's form on the wire. `in` holds the next bytes of the record; for COBS at least
 * 254 of them or all that is left. *inlen and *outlen: room in, used out. Output may end at any
 * byte; the state depends only on how much came out, so a copy of it can be run again with less
 * room. Returns 1 when the record is complete, 0 when more output (or input) is needed, PLUG_EINVAL
 * when a line holds a newline. */
PLUG_API int plug_frame_encode(struct plug_frame_encoder *e, const void *in, size_t *inlen,
                               void *out, size_t *outlen);

/* Writes the head (at most PLUG_FRAME_HEAD bytes) of a record of len bytes; returns its length, 0
 * where there is none. */
PLUG_API size_t plug_frame_head(enum plug_frame_kind kind, uint64_t len, void *out);

/* The bytes behind a record of LINE or NETSTRING, static; "" for length prefixes. */
PLUG_API const char *plug_frame_tail(enum plug_frame_kind kind);

/* The longest record the format can say. */
PLUG_API uint64_t plug_frame_most(enum plug_frame_kind kind);

#ifdef __cplusplus
}
#endif
#endif
