/* SPDX-License-Identifier: MIT
 *
 * Pages of help that belong to no kind and no option. What tables can tell is not said here.
 */
#ifndef PLUG_CLI_TOPICS_H
#define PLUG_CLI_TOPICS_H

/* A page. Lines that begin with "  plug " are commands that work: a test runs each. */
struct plug__topic {
    const char *name, *title, *text; /* text: lines, each ended by a newline */
};

extern const struct plug__topic plug__topics[]; /* ends with a NULL name */

/* The topic of that name, or NULL. */
const struct plug__topic *plug__topic_find(const char *name);

/* The nearest name, at most *distance away, which is made smaller; or NULL. */
const char *plug__topic_nearest(const char *name, unsigned *distance);

#endif
