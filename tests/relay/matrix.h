/* SPDX-License-Identifier: MIT
 *
 * The pair matrix: kinds as rows of one table, pairs of them joined by relays in this process, and
 * the test's own ends made of plain sockets and descriptors. It holds no test of a single kind.
 */
#ifndef TESTS_RELAY_MATRIX_H
#define TESTS_RELAY_MATRIX_H

#include "relay/relay.h"
#include <stdint.h>

/* How the test's end of a kind comes to be. */
enum how {
    HOW_CALLED, /* the test listens (or is bound), plug calls */
    HOW_CALLS,  /* plug listens, the test calls */
    HOW_HANDED, /* the test listens, plug is handed that socket by number, the test calls */
    HOW_FDS,    /* a socket pair or a pipe, one end of it given to plug by number */
    HOW_LENT,   /* a child of plug lends the test its descriptors */
    HOW_PAIR,   /* in the process: the test uses the library's own end */
    HOW_FIFO,   /* a name both open */
    HOW_PTY,    /* plug makes a terminal, the test opens its other end by the link */
    HOW_TTY,    /* the test makes a terminal, plug opens its other end by name */
    HOW_SOURCE, /* no end: plug reads what is prepared */
    HOW_SINK,   /* no end: plug writes what the test looks at */
    HOW_ECHO,   /* no end: gives back */
    HOW_STDIO   /* standard input and output of the command as a child */
};

enum {
    KIND_TALKS = 1,      /* what the test says there comes out of it */
    KIND_HEARS = 2,      /* what is sent to it arrives at the test */
    KIND_RECORDS = 4,    /* has bounds */
    KIND_ENDS = 8,       /* half-close both ways */
    KIND_EMPTY = 16,     /* an empty record is a record */
    KIND_LOSSY = 32,     /* something on the way may drop */
    KIND_KNOCKS = 64,    /* its first record makes the session */
    KIND_IDLES = 128,    /* ends by itself when silent for idle-timeout */
    KIND_LETTERS = 256,  /* carries text only */
    KIND_TAKES = 512,    /* echo and the like: keeps the other side's bounds */
    KIND_ONE_WAY = 1024, /* needs -u or -U */
    KIND_WHOLE = 2048,   /* all of it is one record where the other side has bounds */
    KIND_BIG = 4096,     /* of those that 64 MiB are sent through */
    KIND_BEGINS = 8192,  /* hung up before it has begun when nothing at all is sent to it */
    KIND_FEW = 1 << 14,  /* moves as another row does: joined with partners only */
    KIND_PARTNER = 1 << 15,
    KIND_ONCE = 1 << 16, /* what it says ends with its first record */
    KIND_SPLIT = 1 << 17 /* two descriptors: one to read, one to write */
};

enum framing {
    FRAMING_NONE,
    FRAMING_LINE,
    FRAMING_LEN16,
    FRAMING_LEN32,
    FRAMING_NET,
    FRAMING_COBS
};

struct kind {
    const char *name;
    const char *relay; /* address with {port} {dir} {n} {fd} {fd2} {tty} {grace} {text} */
    enum how how;
    unsigned flags;
    int family, type; /* of the test's socket */
    enum framing framing;
    size_t limit; /* longest record; 0: bytes, no limit */
    size_t most;  /* most bytes in all; 0: any */
    size_t chunk; /* longest record made of a stream; 0: 8192 */
};
extern const struct kind kinds[];
extern const unsigned nkinds;
extern const struct kind stdio_kinds[];
extern const unsigned nstdio_kinds;
extern const char *const kinds_exempt[];
/* Whether each kind of the registry has a row or a reason. Prints those that have not. */
int table_complete(void);

/* ---- what is sent: content and bounds by seed ---- */

struct content {
    uint64_t seed;
    size_t size; /* bytes in all */
    size_t most; /* longest record */
    size_t mark; /* a record ends here at the latest */
    int letters;
    int empties; /* records of no bytes occur */
    int whole;   /* one record */
};

void content_init(uint64_t seed);
void content_fill(const struct content *c, uint64_t at, unsigned char *to, size_t len);
/* The place of the first byte that differs, or -1. */
int64_t content_check(const struct content *c, uint64_t at, const unsigned char *is, size_t len);
size_t content_record(const struct content *c, uint64_t i, uint64_t at); /* length of record i */
int content_over(const struct content *c, uint64_t i, uint64_t at);      /* nothing follows */
uint64_t content_mix(uint64_t a, uint64_t b);

/* ---- the test's own framings ---- */

enum { WIRE_HEAD = 16, WIRE_MOST = 512 * 1024 };
/* Writes a frame round a record. Returns its length. `to` has room for 2 * len + WIRE_HEAD. */
size_t wire_put(enum framing f, const unsigned char *rec, size_t len, unsigned char *to);
/* Finds a whole frame at the front: its length on the wire, and the record (decoded in place).
 * 0: not whole yet; -1: garbage. */
int64_t wire_get(enum framing f, unsigned char *at, size_t len, unsigned char **ret_rec,
                 size_t *ret_len);

/* ---- one end of the test ---- */

struct flow { /* one direction of content, from an end to an end */
    int on;
    struct content content;
    int bounds;                  /* records must come as they were sent */
    size_t chunk;                /* records made of a stream are no longer */
    uint64_t sent, sent_records; /* content handed to the system in whole */
    uint64_t hold;               /* sent so far, the rest is the reply; SIZE_MAX: none */
    uint64_t got, got_records;
    size_t got_part;
    unsigned burst; /* records since all was acknowledged */
    size_t burst_bytes;
};

struct end {
    const struct kind *kind;
    unsigned number;
    int listener, in, out, control; /* descriptors; -1 none. in == out: a socket */
    int given[2];                   /* plug's own: to read, to write */
    struct plug_sock *sock;         /* HOW_PAIR */
    unsigned port;
    int listening; /* plug listens */
    int open, shut, eof, knocked;
    size_t piece;        /* bytes of one write, at most */
    unsigned char *wire; /* framed bytes on their way out */
    size_t wire_at, wire_len, wire_size;
    uint64_t wire_content; /* content bytes of the frame in `wire` */
    unsigned char *raw;    /* framed bytes that came in */
    size_t raw_len;
    char tty[64]; /* name of the terminal that the test made */
    char address[512];
};

enum closing { CLOSE_A, CLOSE_B, CLOSE_BOTH, CLOSE_NONE };

enum phase {
    PHASE_OPENING,
    PHASE_RUN,   /* both send; the first to end ends, the other holds back its reply */
    PHASE_PAUSE, /* the first has ended and the other knows: time may pass now */
    PHASE_REPLY,
    PHASE_ALIVE, /* nothing is left but time: the relay must live on before … */
    PHASE_TIME,  /* … and be gone after it */
    PHASE_IDLE,  /* knows no end but silence */
    PHASE_ENDING,
    PHASE_OVER
};

struct child {
    int pid, ready, errors; /* descriptors that the command writes to */
    int over, status;
    char text[400];
    size_t len;
};

struct pair {
    struct end end[2];
    struct flow flow[2]; /* [i]: what end i sends, or what end i's source holds */
    struct plug__relay *relay;
    struct plug_loop *loop;
    const char *dir;
    size_t size;
    enum closing closing, asked;
    enum phase phase;
    int hurried; /* others have failed: do not wait long for this one */
    int pauses;  /* stops in PHASE_PAUSE until released */
    int opened, ended, lossy, failed;
    size_t block;        /* -b */
    int copies;          /* without splice */
    struct child *child; /* the relay is a command of its own */
    struct plug__session_stats stats;
    plug_time deadline; /* real */
    plug_time due;      /* the loop's: the session has ended; 0: whenever */
    char why[400];
    const char *backend;
};

int pair_fail(struct pair *p, const char *fmt, ...);
/* Whether a pair can be joined at all. */
int pair_joins(const struct kind *a, const struct kind *b);
int pair_begin(struct pair *p, const struct kind *a, const struct kind *b, uint64_t seed,
               unsigned *number);
/* Does all that can be done now without waiting. Returns 1 when something moved. */
int pair_step(struct pair *p);
int pair_rests(const struct pair *p); /* waits for time, or is over */
/* Virtual time went by, as far as the phase asks for. */
void pair_release(struct pair *p);
void pair_drop(struct pair *p);
const char *pair_name(const struct pair *p, char *buf, size_t len);
/* flows.c: before anything is opened. */
void pair_flow(struct pair *p, int i, uint64_t seed); /* what end i will say */
void pair_choose_closing(struct pair *p);             /* as asked, if the kinds can */
int pair_is_echo(const struct pair *p, int i);
int pair_sees_end(const struct pair *p, int i);
/* Index of the flow that arrives at end i, or -1. */
int pair_incoming(const struct pair *p, int i);

/* open.c */
int end_prepare(struct pair *p, int i); /* before the relay; the address is ready then */
int end_meet(struct pair *p, int i); /* as soon as the relay allows it. Returns 1 when open now */
void end_hangup(struct end *e);      /* no more of it is needed */
void end_keep_none(struct end *e);   /* closes what plug has got by now */
void end_drop(struct end *e);
int end_shut(struct pair *p, int i); /* the test says no more there */

/* command.c: the command as a child. Return -1 failed */
int command_start(struct pair *p);
int command_look(struct pair *p); /* where it listens, whether it has ended */
void command_drop(struct pair *p);
extern const char *command_path;

/* traffic.c: return 1 when something moved, -1 failed */
int end_send(struct pair *p, int i);
int end_receive(struct pair *p, int i);

#define MATRIX_BUFFER ((size_t)256 * 1024)

/* batch.c: many pairs at a time on one loop whose clock the test moves on. */
struct job {
    const struct kind *a, *b;
    size_t size;
    enum closing closing;
    uint64_t seed;
};
struct tally {
    unsigned ran, failed, batches, number;
    const char *backend; /* NULL: in turn */
    char dir[64];
    plug_time pause; /* real time of PHASE_PAUSE; 0: half of grace, virtual */
};
int batch_run(struct tally *t, const struct job *jobs, size_t n);
struct plug_loop *clock_loop(const struct plug__backend *base, plug_time *ahead);
plug_time clock_now(const struct plug_loop *loop);
void batch_clean(const struct tally *t);

/* bulk.c: one bulk session beside 63 small ones. */
int bulk_run(struct tally *t);

#endif
