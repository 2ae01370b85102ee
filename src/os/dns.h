/* SPDX-License-Identifier: MIT
 *
 * Asking name servers directly, for the look-up of names. Only files of src/os include it.
 */
#ifndef PLUG_OS_DNS_H
#define PLUG_OS_DNS_H

#include "os/os.h"

/* BLOCKS, some seconds at most. The addresses of one family. Returns count, ENOHOST, EDNS, ENOTSUP.
 */
int plug__os_dns(const struct plug__lookup *how, const char *host, int family, uint16_t port,
                 struct plug_addr *ret, unsigned max);

#endif
