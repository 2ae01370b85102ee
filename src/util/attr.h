/* SPDX-License-Identifier: MIT
 *
 * What C11 lacks and compilers offer, in one place, and the assertion for our own bugs.
 */
#ifndef PLUG_UTIL_ATTR_H
#define PLUG_UTIL_ATTR_H

#if defined(__MINGW32__)
#define PLUG__PRINTF(f, a) __attribute__((format(gnu_printf, f, a)))
#elif defined(__GNUC__)
#define PLUG__PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define PLUG__PRINTF(f, a)
#endif

#define PLUG__COUNT(array) (sizeof(array) / sizeof(array)[0])

/* For our bugs only, never for input. On where PLUG_DEBUG is defined (dev and sanitizer builds). */
#ifdef PLUG_DEBUG
#include <stdlib.h>
#define PLUG_ASSERT(x) ((x) ? (void)0 : abort())
#else
#define PLUG_ASSERT(x) ((void)0)
#endif

#endif
