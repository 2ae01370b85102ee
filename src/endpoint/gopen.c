/* SPDX-License-Identifier: MIT
 *
 * gopen: what stands at a path decides what it is. It opens nothing itself: a socket becomes the
 * layer of its type, all else the layer of files.
 */
#include "endpoint/descriptor.h"
#include "endpoint/endpoint.h"
#include "util/err.h"

static const struct plug_kind gopen_kinds[] = {
    {
        .name = "gopen",
        .params = PLUG_PARAM_PATH,
        .flags = PLUG_KIND_URL_PATH,
        .usage = "PATH",
        .help = "a Unix socket, terminal, FIFO or file, as it is found; a file is appended to",
        .example = "plug - gopen:/run/service.sock",
    },
    {0},
};

/* The layer of a socket's type. A connect tells a datagram socket without being noticed; of those
 * that listen only the system can say which they are. */
static const char *gopen_socket(const char *path)
{
    switch (plug__os_unix_type(path)) {
    case PLUG_DGRAM:
        return "unix-dgram";
    case PLUG_SEQPACKET:
        return "unix-seqpacket";
    default:
        return "unix";
    }
}

static int gopen_plan(struct plug_step *step, struct plug_err *reterr)
{
    struct plug__stat st = {0};
    int os = 0, r;
    if (!step->path)
        return plug__err(reterr, PLUG_EUSAGE, 0, "gopen", "what it is depends on the path");
    r = plug__os_stat(step->path, &st, &os);
    step->offers = PLUG_STREAM;
    if (r < 0 && r != PLUG_ENOENT)
        return plug__err(reterr, r, os, "gopen", "%.100s: %s", step->path, plug_strerror(r));
    if (r < 0 && (step->plan->without & PLUG_NOWRITE)) {
        plug__err(reterr, r, os, "gopen", "%.100s does not exist", step->path);
        plug__err_hint(reterr, "what is only read is never made");
        return r;
    }
    if (r >= 0 && st.kind == PLUG__KIND_DIR)
        return plug__err(reterr, PLUG_EISDIR, 0, "gopen", "%.100s is a directory", step->path);
    step->become = r >= 0 && st.kind == PLUG__KIND_SOCKET ? gopen_socket(step->path)
                   : plug__os_tty_path(step->path)        ? "serial"
                                                          : "file";
    return 0;
}

static int gopen_init(struct plug_layer *l, const struct plug_step *step, struct plug_err *reterr)
{
    (void)l;
    (void)step;
    return plug__err(reterr, PLUG_EINVAL, 0, "gopen", "it was not planned");
}

static int gopen_open(struct plug_layer *l)
{
    return plug_fail(l, 2, PLUG_EINVAL, 0);
}

const struct plug_ops plug__gopen_ops = {
    .name = "gopen",
    .size = sizeof(struct plug_layer),
    .conf = 0,
    .flags = PLUG_BASE | PLUG_HALFCLOSE | PLUG_RELIABLE,
    .kinds = gopen_kinds,
    .options = NULL,
    .defaults = NULL,
    .plan = gopen_plan,
    .init = gopen_init,
    .open = gopen_open,
    .accept = plug_pass_accept,
    .recv = plug_pass_recv,
    .send = plug_pass_send,
    .shut = plug_pass_shut,
    .want = plug_pass_want,
    .bypass = plug_no_bypass,
    .getopt = plug_no_getopt,
    .setopt = plug_no_setopt,
    .tick = plug_no_tick,
    .close = plug_no_close,
};
