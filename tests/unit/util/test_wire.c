/* SPDX-License-Identifier: MIT
 *
 * Integers in network order never pass their end.
 */
#include "unit/torture.h"

#include "util/wire.h"

static const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, 0xFF};

static void test_wire__reads_in_network_order(void **state)
{
    const unsigned char *p = bytes, *end = bytes + sizeof bytes;
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    (void)state;
    assert_int_equal(plug__get_u8(&p, end, &a), 0);
    assert_int_equal(plug__get_u16be(&p, end, &b), 0);
    assert_int_equal(plug__get_u32be(&p, end, &c), 0);
    assert_int_equal(a, 1);
    assert_int_equal(b, 0x0203);
    assert_int_equal(c, 0x04050607);
    p = bytes;
    assert_int_equal(plug__get_u64be(&p, end, &d), 0);
    assert_true(d == 0x01020304050607FFu);
    assert_ptr_equal(p, end);
}

static void test_wire__short_input_consumes_nothing(void **state)
{
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    (void)state;
    for (size_t n = 0; n < 8; n++) {
        const unsigned char *p = bytes, *end = bytes + n;
        assert_int_equal(plug__get_u64be(&p, end, &d), PLUG_EAGAIN);
        assert_ptr_equal(p, bytes);
        if (n < 4)
            assert_int_equal(plug__get_u32be(&p, end, &c), PLUG_EAGAIN);
        if (n < 2)
            assert_int_equal(plug__get_u16be(&p, end, &b), PLUG_EAGAIN);
        if (n < 1)
            assert_int_equal(plug__get_u8(&p, end, &a), PLUG_EAGAIN);
        assert_ptr_equal(p, bytes);
    }
}

static void test_wire__writes_what_it_reads(void **state)
{
    unsigned char out[15], *p = out;
    const unsigned char *q = out;
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    (void)state;
    assert_int_equal(plug__put_u8(&p, out + 15, 0xFE), 0);
    assert_int_equal(plug__put_u16be(&p, out + 15, 0xFEDC), 0);
    assert_int_equal(plug__put_u32be(&p, out + 15, 0xFEDCBA98), 0);
    assert_int_equal(plug__put_u64be(&p, out + 15, 0xFEDCBA9876543210u), 0);
    assert_ptr_equal(p, out + 15);
    assert_int_equal(plug__put_u8(&p, out + 15, 0), PLUG_ENOBUFS);
    assert_int_equal(out[1], 0xFE);
    assert_int_equal(plug__get_u8(&q, out + 15, &a), 0);
    assert_int_equal(plug__get_u16be(&q, out + 15, &b), 0);
    assert_int_equal(plug__get_u32be(&q, out + 15, &c), 0);
    assert_int_equal(plug__get_u64be(&q, out + 15, &d), 0);
    assert_int_equal(a, 0xFE);
    assert_int_equal(b, 0xFEDC);
    assert_true(c == 0xFEDCBA98);
    assert_true(d == 0xFEDCBA9876543210u);
}

static void test_wire__no_room_writes_nothing(void **state)
{
    unsigned char out[8] = {0}, *p = out;
    (void)state;
    assert_int_equal(plug__put_u64be(&p, out + 7, UINT64_MAX), PLUG_ENOBUFS);
    assert_int_equal(plug__put_u32be(&p, out + 3, UINT32_MAX), PLUG_ENOBUFS);
    assert_int_equal(plug__put_u16be(&p, out + 1, UINT16_MAX), PLUG_ENOBUFS);
    assert_ptr_equal(p, out);
    for (int i = 0; i < 8; i++)
        assert_int_equal(out[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire__reads_in_network_order),
        cmocka_unit_test(test_wire__short_input_consumes_nothing),
        cmocka_unit_test(test_wire__writes_what_it_reads),
        cmocka_unit_test(test_wire__no_room_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
