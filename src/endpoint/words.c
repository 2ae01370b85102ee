/* SPDX-License-Identifier: MIT
 *
 * Splitting a command into words as a shell would, quotes included and nothing else.
 */
#include "endpoint/words.h"

#include "util/err.h"
#include <string.h>

/* Reads one word into `to`; returns where it ended, NULL when a quote is not closed. */
static const char *words_one(const char *s, char **to)
{
    char quote = 0;
    for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
        if (quote && *s == quote) {
            quote = 0;
        } else if (!quote && (*s == '"' || *s == '\'')) {
            quote = *s;
        } else {
            if (*s == '\\' && quote != '\'' && s[1])
                s++;
            *(*to)++ = *s;
        }
    }
    *(*to)++ = '\0';
    return quote ? NULL : s;
}

int plug__words(struct plug_plan *plan, const char *text, const char *const **ret,
                struct plug_err *reterr)
{
    size_t len = strlen(text), most = len / 2 + 2;
    char *bytes = plug__plan_alloc(plan, len + most); /* each word has its NUL */
    const char **words = plug__plan_alloc(plan, most * sizeof(*words));
    int n = 0;
    if (!bytes || !words)
        return plug__err(reterr, PLUG_ENOMEM, 0, NULL, "out of memory");
    for (;;) {
        text += strspn(text, " \t\n");
        if (!*text)
            break;
        words[n++] = bytes;
        text = words_one(text, &bytes);
        if (!text)
            return plug__err(reterr, PLUG_EUSAGE, 0, "exec", "a quote is not closed");
    }
    words[n] = NULL;
    *ret = words;
    return n;
}
