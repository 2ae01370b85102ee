/* SPDX-License-Identifier: MIT
 *
 * The framing codecs: known forms, every split of input and output, limits and bad input.
 * The layers over them are tested by the contract suite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <plug/frame_codec.h>
#include <string.h>

enum { ROOM = 4096 };

/* Encodes a record with at most `step` bytes of output at a time. Returns the length. */
static size_t encode(enum plug_frame_kind kind, const void *rec, size_t len, uint8_t *out,
                     size_t step)
{
    struct plug_frame_encoder e;
    size_t at = 0, n = 0;
    int done = 0;
    assert_int_equal(plug_frame_encoder_init(&e, kind, 0, len), 0);
    while (!done) {
        size_t in = len - at, room = step;
        done = plug_frame_encode(&e, (const uint8_t *)rec + at, &in, out + n, &room);
        assert_true(done >= 0);
        assert_true(done || room > 0 || in > 0);
        at += in;
        n += room;
        assert_true(n < ROOM);
    }
    assert_int_equal(at, len);
    return n;
}

/* Decodes one record from in steps of `nin` bytes into steps of `nout` room. Returns its length or
 * an error; *used: bytes taken. */
static int64_t decode(struct plug_frame_decoder *d, const uint8_t *in, size_t len, size_t nin,
                      size_t nout, uint8_t *out, size_t *used)
{
    size_t n = 0;
    *used = 0;
    while (*used < len) {
        size_t take = len - *used < nin ? len - *used : nin, room = nout;
        int e = plug_frame_decode(d, in + *used, &take, out + n, &room);
        *used += take;
        n += room;
        if (e)
            return e < 0 ? e : (int64_t)n;
        assert_true(take || room);
    }
    return PLUG_EAGAIN;
}

static void check_form(enum plug_frame_kind kind, const char *rec, size_t len, const char *form,
                       size_t formlen)
{
    uint8_t wire[ROOM], back[ROOM];
    for (size_t step = 1; step <= formlen + 1; step++) {
        assert_int_equal(encode(kind, rec, len, wire, step), formlen);
        assert_memory_equal(wire, form, formlen);
        for (size_t room = 1; room <= len + 1; room++) {
            struct plug_frame_decoder d;
            size_t used = 0;
            plug_frame_decoder_init(&d, kind, 0);
            assert_int_equal(decode(&d, wire, formlen, step, room, back, &used), len);
            assert_int_equal(used, formlen);
            assert_memory_equal(back, rec, len);
            assert_false(plug_frame_inside(&d));
        }
    }
}

static void test_frame__known_forms(void **state)
{
    (void)state;
    check_form(PLUG_FRAME_LINE, "hello", 5, "hello\n", 6);
    check_form(PLUG_FRAME_LINE, "", 0, "\n", 1);
    check_form(PLUG_FRAME_LEN16, "hello", 5, "\0\5hello", 7);
    check_form(PLUG_FRAME_LEN16, "", 0, "\0\0", 2);
    check_form(PLUG_FRAME_LEN32, "hello", 5, "\0\0\0\5hello", 9);
    check_form(PLUG_FRAME_NETSTRING, "hello", 5, "5:hello,", 8);
    check_form(PLUG_FRAME_NETSTRING, "hello,world", 11, "11:hello,world,", 15);
    check_form(PLUG_FRAME_NETSTRING, "", 0, "0:,", 3);
    check_form(PLUG_FRAME_COBS, "", 0, "\1\0", 2);
    check_form(PLUG_FRAME_COBS, "\0", 1, "\1\1\0", 3);
    check_form(PLUG_FRAME_COBS, "\0\0", 2, "\1\1\1\0", 4);
    check_form(PLUG_FRAME_COBS, "\x11\x22\0\x33", 4, "\3\x11\x22\2\x33\0", 6);
    check_form(PLUG_FRAME_COBS, "\x11\0\0\0", 4, "\2\x11\1\1\1\0", 6);
}

static void test_frame__cobs_at_a_full_block(void **state)
{
    uint8_t rec[300], wire[ROOM], back[ROOM];
    (void)state;
    memset(rec, 7, sizeof(rec));
    for (size_t len = 250; len < 260; len++) {
        for (int zero = 0; zero < 2; zero++) {
            struct plug_frame_decoder d;
            size_t used = 0;
            rec[len - 1] = zero ? 0 : 7;
            size_t n = encode(PLUG_FRAME_COBS, rec, len, wire, 3);
            assert_null(memchr(wire, 0, n - 1));
            plug_frame_decoder_init(&d, PLUG_FRAME_COBS, 0);
            assert_int_equal(decode(&d, wire, n, 5, 2, back, &used), len);
            assert_memory_equal(back, rec, len);
            rec[len - 1] = 7;
        }
    }
    assert_int_equal(encode(PLUG_FRAME_COBS, rec, 254, wire, ROOM), 256);
}

static void test_frame__round_trip_of_every_split(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 9, 10, 99, 100, 255, 256, 600};
    uint8_t rec[600], wire[ROOM], back[ROOM];
    (void)state;
    for (int kind = 0; kind < PLUG_FRAME_KINDS; kind++) {
        for (size_t i = 0; i < sizeof(rec); i++)
            rec[i] = (uint8_t)(kind == PLUG_FRAME_LINE ? 'a' + i % 26 : i * 7 % 13);
        for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
            for (size_t step = 1; step < 20; step += 3) {
                struct plug_frame_decoder d;
                size_t used = 0, n = encode((enum plug_frame_kind)kind, rec, sizes[k], wire, step);
                plug_frame_decoder_init(&d, (enum plug_frame_kind)kind, sizes[k]);
                assert_int_equal(decode(&d, wire, n, step, 20 - step, back, &used), sizes[k]);
                assert_memory_equal(back, rec, sizes[k]);
            }
        }
    }
}

static int refuse(enum plug_frame_kind kind, uint64_t limit, const char *bytes, size_t len)
{
    struct plug_frame_decoder d;
    uint8_t out[ROOM];
    size_t used = 0;
    plug_frame_decoder_init(&d, kind, limit);
    return (int)decode(&d, (const uint8_t *)bytes, len, 1, ROOM, out, &used);
}

static void test_frame__longer_than_the_limit_is_refused(void **state)
{
    struct plug_frame_encoder e;
    (void)state;
    assert_int_equal(refuse(PLUG_FRAME_LINE, 3, "abcd", 4), PLUG_EMSGSIZE);
    assert_int_equal(refuse(PLUG_FRAME_LINE, 3, "abc\n", 4), 3);
    assert_int_equal(refuse(PLUG_FRAME_LEN16, 3, "\0\4", 2), PLUG_EMSGSIZE);
    assert_int_equal(refuse(PLUG_FRAME_LEN32, 70000, "\0\1\x11\x71", 4), PLUG_EMSGSIZE);
    assert_int_equal(refuse(PLUG_FRAME_NETSTRING, 99, "100:", 4), PLUG_EMSGSIZE);
    assert_int_equal(refuse(PLUG_FRAME_COBS, 3, "\5abcd", 5), PLUG_EMSGSIZE);
    assert_int_equal(refuse(PLUG_FRAME_COBS, 3, "\4abc\1", 5), PLUG_EMSGSIZE);
    assert_int_equal(plug_frame_encoder_init(&e, PLUG_FRAME_LEN16, 0, 65536), PLUG_EMSGSIZE);
    assert_int_equal(plug_frame_encoder_init(&e, PLUG_FRAME_LEN16, 0, 65535), 0);
    assert_int_equal(plug_frame_encoder_init(&e, PLUG_FRAME_LINE, 10, 11), PLUG_EMSGSIZE);
}

static void test_frame__bad_forms_are_refused(void **state)
{
    (void)state;
    assert_int_equal(refuse(PLUG_FRAME_NETSTRING, 0, "05:hello,", 9), PLUG_EPROTO);
    assert_int_equal(refuse(PLUG_FRAME_NETSTRING, 0, ":", 1), PLUG_EPROTO);
    assert_int_equal(refuse(PLUG_FRAME_NETSTRING, 0, "x", 1), PLUG_EPROTO);
    assert_int_equal(refuse(PLUG_FRAME_NETSTRING, 0, "2:ab;", 5), PLUG_EPROTO);
    assert_int_equal(refuse(PLUG_FRAME_NETSTRING, 0, "99999999999:", 12), PLUG_EMSGSIZE);
    assert_int_equal(refuse(PLUG_FRAME_COBS, 0, "\5ab\0", 4), PLUG_EPROTO);
}

static void test_frame__cobs_zeros_between_records_mean_nothing(void **state)
{
    (void)state;
    assert_int_equal(refuse(PLUG_FRAME_COBS, 0, "\0\0\2a\0", 5), 1);
}

static void test_frame__a_line_holds_no_newline(void **state)
{
    struct plug_frame_encoder e;
    uint8_t out[16];
    size_t in = 3, room = sizeof(out);
    (void)state;
    assert_int_equal(plug_frame_encoder_init(&e, PLUG_FRAME_LINE, 0, 3), 0);
    assert_int_equal(plug_frame_encode(&e, "a\nb", &in, out, &room), PLUG_EINVAL);
}

/* What finish says after each prefix of a form: EOF is clean only between records. */
static void test_frame__end_inside_a_record(void **state)
{
    static const char *const forms[PLUG_FRAME_KINDS] = {"ab\n", "\0\2ab", "\0\0\0\2ab", "2:ab,",
                                                        "\3ab\0"};
    static const size_t lens[PLUG_FRAME_KINDS] = {3, 4, 6, 5, 4};
    (void)state;
    for (int kind = 0; kind < PLUG_FRAME_KINDS; kind++) {
        for (size_t cut = 0; cut <= lens[kind]; cut++) {
            struct plug_frame_decoder d;
            uint8_t out[16];
            size_t in = cut, room = sizeof(out);
            plug_frame_decoder_init(&d, (enum plug_frame_kind)kind, 0);
            int e = plug_frame_decode(&d, forms[kind], &in, out, &room);
            assert_int_equal(e, cut == lens[kind]);
            int inside = cut > 0 && cut < lens[kind];
            assert_int_equal(plug_frame_inside(&d), inside);
            int want = kind == PLUG_FRAME_LINE ? 1 : PLUG_EPROTO;
            assert_int_equal(plug_frame_finish(&d), inside ? want : PLUG_EOF);
        }
    }
}

static void test_frame__plain_bytes_may_be_read_to_their_place(void **state)
{
    struct plug_frame_decoder d;
    size_t in = 4, room = 0;
    (void)state;
    plug_frame_decoder_init(&d, PLUG_FRAME_LEN32, 0);
    assert_int_equal(plug_frame_sure(&d), 4);
    assert_int_equal(plug_frame_decode(&d, "\0\0\0\5", &in, NULL, &room), 0);
    assert_int_equal(plug_frame_plain(&d), 5);
    assert_int_equal(plug_frame_skip(&d, 3), 0);
    assert_int_equal(plug_frame_sure(&d), 2);
    assert_int_equal(plug_frame_skip(&d, 2), 1);
    assert_int_equal(plug_frame_plain(&d), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame__known_forms),
        cmocka_unit_test(test_frame__cobs_at_a_full_block),
        cmocka_unit_test(test_frame__round_trip_of_every_split),
        cmocka_unit_test(test_frame__longer_than_the_limit_is_refused),
        cmocka_unit_test(test_frame__bad_forms_are_refused),
        cmocka_unit_test(test_frame__cobs_zeros_between_records_mean_nothing),
        cmocka_unit_test(test_frame__a_line_holds_no_newline),
        cmocka_unit_test(test_frame__end_inside_a_record),
        cmocka_unit_test(test_frame__plain_bytes_may_be_read_to_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
