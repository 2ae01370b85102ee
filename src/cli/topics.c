/* SPDX-License-Identifier: MIT
 *
 * The topics of `plug help`, which the manual shows as well. Kinds and options are not listed here:
 * their tables tell.
 */
#include "cli/topics.h"

#include "util/str.h"
#include <string.h>

static const char topic_addresses[] =
    "An address is a URL or in socat's form; both may be mixed on one command line.\n"
    "\n"
    "  name://HOST:PORT#option,option=value    a URL; also name:///PATH for files and Unix "
    "sockets\n"
    "  NAME:PARAMETER,option,option=value      socat's form; letters of any case\n"
    "  upper+lower://...                       layers on top, such as len32+tcp://\n"
    "  -                                       standard input and output\n"
    "\n"
    "`plug A` is `plug - A`. A URL listener binds loopback and serves every connection until it "
    "is\n"
    "interrupted (`once` serves one; * or [::] is every address); socat's form binds any address "
    "and\n"
    "serves one connection without `fork`. In a URL a literal # , or & in a value is written %23,\n"
    "%2C, %26. No shell but zsh minds these addresses unquoted; ? and & need quotes everywhere.\n"
    "\n"
    "  plug -u tcp-listen://127.0.0.1:8080#once,accept-timeout=2 -\n"
    "  plug -u TEXT:hello -\n"
    "  plug explain 'TCP-LISTEN:8080,fork,reuseaddr' len32+tcp://localhost:9000\n"
    "  plug list\n";

static const char topic_options[] =
    "Options follow the address: behind # in a URL, behind a comma in socat's form. Names are "
    "those\n"
    "of socat, with its other spellings, and plug's own. A flag alone is on; flag=0 is off.\n"
    "\n"
    "  SECONDS   1, 0.5, 200ms, 2m, inf        BYTES   8192, 64k, 1m\n"
    "\n"
    "  plug list options tcp       those of a kind and those of any address\n"
    "  plug help nodelay           one option: what it does, where it acts, which kinds have it\n"
    "\n"
    "A wrong name is answered with the nearest one; what socat knows and plug lacks is named.\n";

static const char topic_ends[] =
    "Each direction ends by itself. When one side has said its last, the other is told (a FIN, "
    "the\n"
    "end of a pipe) and may go on talking: a side that can half-close is waited for without a "
    "limit\n"
    "(-t sets one). A side that cannot (datagrams, terminals) stays open until it has been silent\n"
    "for `grace` (2 s; grace=0, grace=inf), then it is closed.\n"
    "\n"
    "No byte is lost silently: a reset, a full disk or a peer that goes away with data unread "
    "ends\n"
    "with exit code 8 and the counts. What the failing side said itself is delivered first, for\n"
    "30 s at most. A reader that leaves (a pipe to `head`) and had all so far is no loss: whether\n"
    "the source ends (0), says more (8) or is silent for `grace` (8) decides.\n"
    "\n"
    "  -u -U             one direction only          -T SECONDS    end when silent so long\n"
    "  ignoreeof         go on behind the end        end-close     end both with one\n"
    "  shut-none         do not tell this side       null-eof      an empty record is an end\n"
    "\n"
    "  printf hello | plug - exec:cat\n"
    "  printf hello | plug -t 0.2 - stall:\n";

static const char topic_exit[] =
    "  0  all well                        5  timed out\n"
    "  1  other error                     6  certificate check failed\n"
    "  2  wrong address or option         7  permission denied\n"
    "  3  name not found                  8  bytes lost, or reset by the peer\n"
    "  4  refused or unreachable          9  child process failed\n"
    "  128 + n  ended by signal n\n"
    "\n"
    "--exit-code=child gives the child's own status. A listener that serves one ends as its "
    "session\n"
    "did; one that serves many and ends by itself, 0. Of several relays the first that is not 0.\n"
    "\n"
    "  plug --exit-code=child -u exec:true -\n";

static const char topic_records[] =
    "Datagram, seqpacket and framed endpoints carry records: what went out in one piece comes in "
    "as\n"
    "one piece. Between two of them records stay records, empty ones too. Between a record side "
    "and\n"
    "a stream, `frame=` on the stream says how records are told apart: chunk (each read is one; "
    "the\n"
    "default), line, len16, len32, netstring, cobs. The same names stand before an address as\n"
    "layers, where both programs must speak them. -b sets the size of a chunk (8192).\n"
    "\n"
    "A record that is too long for a side is never cut: EMSGSIZE names both limits, exit code 8.\n"
    "\n"
    "  printf 'one\\ntwo\\n' | plug -,frame=line netstring+exec:cat\n"
    "  plug help len32\n";

static const char topic_listen[] =
    "A listener serves all its connections in one process; the other side is opened anew for "
    "each.\n"
    "Where the other side exists only once (standard input, fd:) it serves one connection and "
    "ends.\n"
    "\n"
    "  once, fork          one connection; all of them (the default of URLs, of socat's form not)\n"
    "  max-sessions=N      at most so many at once; more wait in the kernel\n"
    "  half-open=N         at most so many in their handshakes (1024)\n"
    "  range=NET/BITS      only these peers\n"
    "  accept-timeout=T    end when nobody came\n"
    "  children-shutup     say less of its sessions\n"
    "\n"
    "  retry=N, forever    try again what cannot be opened, here too (a port in use)\n"
    "  interval=, backoff=, jitter=  how long between; reconnect: when a client is lost as well,\n"
    "                      the other side is kept meanwhile, preamble= is sent each time\n"
    "\n"
    "Several relays in one command begin together: when one cannot, none serves. A caller that "
    "has\n"
    "gone both ways ends the program that served it, TCP callers after a minute of silence.\n"
    "\n"
    "Where it listens is told by one line on standard error, or on --ready-fd=N: with port 0 the\n"
    "system chooses. INT and TERM stop accepting and leave sessions --drain seconds (5), INT only\n"
    "those in which something is on its way; a second signal ends them at once.\n"
    "\n"
    "  plug tcp-listen://127.0.0.1:0#accept-timeout=1 exec:date\n"
    "  plug tcp-listen://127.0.0.1:0#accept-timeout=1,max-sessions=10 echo:\n";

static const char topic_environment[] =
    "  PLUG_LOOP=poll     wait by poll(2) instead of the system's best way\n"
    "  NO_COLOR=1         no colours, also on a terminal\n"
    "  SHELL              what shell: runs\n"
    "  TMPDIR             where plug tour makes its files (/tmp)\n"
    "  LISTEN_FDS         sockets handed over by systemd: accept-fd:\n"
    "\n"
    "A program that serves a session finds PEERADDR, PEERPORT, SOCKADDR, SOCKPORT, PID, PPID and\n"
    "VERSION, each behind SOCAT_ and behind PLUG_, and PLUG_SESSION, the session's number.\n"
    "\n"
    "  PLUG_LOOP=poll plug -u text:hello -\n";

static const char topic_library[] =
    "The command is a small program over libplug: every endpoint is opened by the same addresses "
    "and\n"
    "used by the calls of BSD sockets, plug_socket to plug_close, with deadlines. man libplug and\n"
    "the headers in plug/ tell all; examples/ in the sources shows a page each: echo, chat, FTP,\n"
    "SMTP, POP3, a poll loop of one's own.\n"
    "\n"
    "  cc app.c $(pkg-config --cflags --libs plug)         find_package(plug): plug::plug\n";

static const char topic_examples[] =
    "  plug -u file:/etc/hosts -                          a file to standard output\n"
    "  plug -u text:hello create:/tmp/plug-help.txt       standard words to a file\n"
    "  printf 'one\\ntwo\\n' | plug - echo:                 what goes out comes back\n"
    "  plug -u exec:date -                                a program's output\n"
    "  plug -u 'system:echo a; echo b' -                  a command of the shell\n"
    "  printf hello | plug -v - echo:                     show what passes\n"
    "  printf hello | plug --statistics - exec:cat        count what passes\n"
    "  plug explain tcp-listen://:8080 unix:///run/app    what would happen\n"
    "  plug tcp-listen://:0#accept-timeout=1 exec:date    the date for every caller\n"
    "  plug udp-listen://:0#accept-timeout=1 echo:        a UDP echo service\n";

static const char topic_socat[] =
    "socat's addresses and options work as they stand, in letters of any case. What differs:\n"
    "\n"
    "  - one process serves every connection: `fork` makes a listener serve many, nothing is "
    "forked\n"
    "  - records stay records; a stream beside them warns once that boundaries can be lost\n"
    "  - ends, waits and exit codes are plug's own in both spellings: plug help ends\n"
    "  - what socat has and plug lacks is refused by its name, never ignored\n"
    "\n"
    "  plug -u TEXT:hello STDOUT\n"
    "  plug explain TCP4-LISTEN:8080,fork,reuseaddr TCP4:localhost:80\n";

const struct plug__topic plug__topics[] = {
    {"addresses", "how addresses are written", topic_addresses},
    {"options", "how options are written", topic_options},
    {"ends", "how a relay ends", topic_ends},
    {"exit", "exit codes", topic_exit},
    {"records", "records, streams and framing", topic_records},
    {"listen", "listeners and their sessions", topic_listen},
    {"environment", "variables of the environment", topic_environment},
    {"library", "the C library", topic_library},
    {"socat", "coming from socat", topic_socat},
    {"examples", "commands to begin with", topic_examples},
    {NULL, NULL, NULL},
};

const struct plug__topic *plug__topic_find(const char *name)
{
    for (const struct plug__topic *t = plug__topics; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

const char *plug__topic_nearest(const char *name, unsigned *distance)
{
    const char *best = NULL;
    for (const struct plug__topic *t = plug__topics; t->name; t++) {
        unsigned d = plug__distance(name, t->name, *distance);
        if (d < *distance) {
            *distance = d;
            best = t->name;
        }
    }
    return best;
}
