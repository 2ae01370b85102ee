/* SPDX-License-Identifier: MIT
 *
 * What reaches the sockets from outside as bytes with a form: a name server's answer and a table of
 * hosts. Any bytes are read to their end; nothing is asked or opened.
 */
#include "os/dns.c"
#include "socket/wrap.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* what libFuzzer calls */

#ifdef PLUG_HAVE_RES_N
/* As many addresses as there is room for, each of the family that was asked. */
static void fuzz_answer(const uint8_t *data, size_t size, unsigned want, int family)
{
    struct plug_addr addrs[4];
    int n = dns_read(data, size, want, 53, addrs, 4);
    if (n > 4 || (n < 0 && n != PLUG_EDNS && n != PLUG_ENOHOST))
        abort();
    for (int i = 0; i < n; i++)
        if (addrs[i].family != family || plug__os_addr_port(&addrs[i]) != 53)
            abort();
}
#endif

/* What a table lets in as one that admits, it does not turn away as one that denies: each says
 * something of the same line or neither does, but for patterns that nobody understands. */
static void fuzz_table(const uint8_t *data, size_t size, const char *peer)
{
    struct plug_addr a;
    int admit[2] = {-1, -1};
    for (int deny = 0; deny < 2; deny++) {
        struct wrap_asked asked = {.service = "", .peer = &a, .deny = deny};
        char *text = malloc(size + 1);
        if (!text || plug__os_addr_ip(&a, peer, 1) < 0)
            abort();
        memcpy(text, data, size);
        text[size] = '\0';
        wrap_text(&a, asked.text, sizeof(asked.text));
        if (!wrap_lines(&asked, text, &admit[deny]) && admit[deny] != -1)
            abort(); /* it said nothing and decided all the same */
        free(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > WRAP_TABLE)
        return 0;
    if (*data & 1) {
        fuzz_table(data + 1, size - 1, "10.0.0.1");
        fuzz_table(data + 1, size - 1, "2001:db8::1");
        return 0;
    }
#ifdef PLUG_HAVE_RES_N
    fuzz_answer(data + 1, size - 1, ns_t_a, AF_INET);
    fuzz_answer(data + 1, size - 1, ns_t_aaaa, AF_INET6);
#endif
    return 0;
}
