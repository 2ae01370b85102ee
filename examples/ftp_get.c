/* SPDX-License-Identifier: MIT
 *
 * ftp_get ADDRESS USER PASSWORD PATH: one file of an FTP server to standard output, in passive
 * mode. It neither lists nor puts, and never lets the server name another host for the data.
 */
#include "line.h"

/* "229 Entering Extended Passive Mode (|||6446|)" (RFC 2428) */
static int ftp_port_epsv(const char *reply)
{
    const char *at = strstr(reply, "|||");
    return at ? (int)strtol(at + 3, NULL, 10) : -1;
}

/* "227 Entering Passive Mode (127,0,0,1,25,46)": four numbers of the host, two of the port */
static int ftp_port_pasv(const char *reply)
{
    const char *at = strchr(reply, '(');
    long v[6];
    if (!at)
        return -1;
    for (int i = 0; i < 6; i++) {
        char *end;
        v[i] = strtol(at + 1, &end, 10);
        if (end == at + 1 || v[i] < 0 || v[i] > 255)
            return -1;
        at = end;
    }
    return (int)(v[4] * 256 + v[5]);
}

/* The data port: EPSV works over both families, PASV is for servers older than it. */
static int ftp_passive(struct line_peer *control)
{
    char line[1024];
    int port = -1;
    line_say(control, "EPSV", NULL);
    if (line_reply(control, line, sizeof line) == 229) {
        port = ftp_port_epsv(line);
    } else {
        line_say(control, "PASV", NULL);
        if (line_reply(control, line, sizeof line) == 227)
            port = ftp_port_pasv(line);
    }
    if (port <= 0 || port > 65535)
        line_die(control, "passive mode", line);
    return port;
}

/* To the host that the control connection found: an address in the reply is not trusted, and
 * behind an address translator it is wrong. */
static struct plug_sock *ftp_data(struct line_peer *control, int port)
{
    struct plug_addr peer;
    struct plug_err err;
    struct plug_sock *s;
    char host[128], address[160];
    size_t len = sizeof peer;
    if (plug_getsockopt(control->sock, PLUG_LEVEL_SOCK, PLUG_SO_PEER, &peer, &len) < 0 ||
        plug_addr_text(&peer, host, sizeof host) < 0 || !strrchr(host, ':'))
        line_die(control, "data connection", "the control connection has no IP address");
    *strrchr(host, ':') = '\0';
    (void)snprintf(address, sizeof address, "tcp://%s:%d", host, port);
    if (plug_open(&s, address, line_deadline(), &err) < 0)
        line_die(control, address, err.text);
    return s;
}

static void ftp_copy(struct line_peer *control, struct plug_sock *data)
{
    static char block[65536];
    int64_t n;
    while ((n = plug_recv(data, block, sizeof block, 0, line_deadline())) >= 0)
        if (fwrite(block, 1, (size_t)n, stdout) != (size_t)n)
            line_die(control, "write", "standard output takes no more");
    plug_close(data);
    if (n != PLUG_EOF)
        line_die(control, "data", plug_strerror((int)n));
    if (fflush(stdout) != 0)
        line_die(control, "write", "standard output takes no more");
}

int main(int argc, char **argv)
{
    struct line_peer control;
    struct plug_sock *data;
    char line[1024];
    if (argc != 5) {
        fprintf(stderr,
                "usage: %s ADDRESS USER PASSWORD PATH > file\n"
                "  such as: %s tcp://ftp.example.org:21 anonymous me@ README > README\n",
                argv[0], argv[0]);
        return 2;
    }
    line_open(&control, argv[0], argv[1]);
    if (line_reply(&control, line, sizeof line) != 220)
        line_die(&control, "greeting", line);
    line_say(&control, "USER ", argv[2]);
    if (line_reply(&control, line, sizeof line) == 331)
        line_ask(&control, "PASS ", argv[3], 2);
    else if (strncmp(line, "230", 3) != 0)
        line_die(&control, "USER", line);
    line_ask(&control, "TYPE I", NULL, 2);
    data = ftp_data(&control, ftp_passive(&control));
    line_ask(&control, "RETR ", argv[4], 1);
    ftp_copy(&control, data);
    if (line_reply(&control, line, sizeof line) / 100 != 2) /* only this says that it was all */
        line_die(&control, "RETR", line);
    line_ask(&control, "QUIT", NULL, 2);
    plug_close(control.sock);
    return 0;
}
