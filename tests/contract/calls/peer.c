/* SPDX-License-Identifier: MIT
 *
 * The other side of the calls' tests: each argument is one call of BSD sockets, made in order, and
 * each answer a line on standard output. It includes no header of plug's and knows nothing of it.
 *
 *   peer socket=tcp bind=127.0.0.1:0 listen accept recv send=hello shutdown close
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int peer_fd = -1, peer_listener = -1;
static struct sockaddr_storage peer_from; /* of the last recvfrom */
static socklen_t peer_fromlen;

static void peer_die(const char *call)
{
    printf("%s: %s\n", call, strerror(errno));
    exit(1);
}

static void peer_check(const char *call, long result)
{
    if (result < 0)
        peer_die(call);
}

/* "127.0.0.1:80", "[::1]:80" or a path */
static socklen_t peer_address(const char *text, struct sockaddr_storage *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret;
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)ret;
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    memset(ret, 0, sizeof *ret);
    if (!colon) {
        un->sun_family = AF_UNIX;
        (void)snprintf(un->sun_path, sizeof un->sun_path, "%s", text);
        return sizeof *un;
    }
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    if (*host == '[') {
        host[strlen(host) - 1] = '\0';
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
        (void)inet_pton(AF_INET6, host + 1, &in6->sin6_addr);
        return sizeof *in6;
    }
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    (void)inet_pton(AF_INET, host, &in->sin_addr);
    return sizeof *in;
}

static void peer_say(const char *call, const struct sockaddr_storage *a, socklen_t len)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a;
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)a;
    char host[64] = "";
    if (a->ss_family == AF_INET && inet_ntop(AF_INET, &in->sin_addr, host, sizeof host))
        printf("%s %s:%u\n", call, host, ntohs(in->sin_port));
    else if (a->ss_family == AF_INET6 && inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host))
        printf("%s [%s]:%u\n", call, host, ntohs(in6->sin6_port));
    else
        printf("%s %s\n", call, len > sizeof(sa_family_t) ? un->sun_path : "");
}

static void peer_socket(const char *kind)
{
    const char *v6 = strchr(kind, '6');
    int family = strncmp(kind, "unix", 4) == 0 ? AF_UNIX : v6 ? AF_INET6 : AF_INET;
    int type = SOCK_STREAM;
    if (strstr(kind, "dgram") || strncmp(kind, "udp", 3) == 0)
        type = SOCK_DGRAM;
    if (strstr(kind, "seqpacket"))
        type = SOCK_SEQPACKET;
    peer_fd = socket(family, type, 0);
    peer_check("socket", peer_fd);
}

static void peer_bind(const char *text)
{
    struct sockaddr_storage a;
    socklen_t len = peer_address(text, &a);
    peer_check("bind", bind(peer_fd, (struct sockaddr *)&a, len));
    len = sizeof a;
    peer_check("getsockname", getsockname(peer_fd, (struct sockaddr *)&a, &len));
    peer_say("bind", &a, len);
}

static void peer_accept(void)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;
    peer_listener = peer_fd;
    peer_fd = accept(peer_listener, (struct sockaddr *)&a, &len);
    peer_check("accept", peer_fd);
    peer_say("accept", &a, len);
}

static void peer_connect(const char *text)
{
    struct sockaddr_storage a;
    socklen_t len = peer_address(text, &a);
    peer_check("connect", connect(peer_fd, (struct sockaddr *)&a, len));
    printf("connect\n");
}

static void peer_recv(void)
{
    char buf[4096];
    ssize_t n = recv(peer_fd, buf, sizeof buf, 0);
    if (n < 0 && errno == ENOTSOCK)
        n = read(peer_fd, buf, sizeof buf);
    peer_check("recv", n);
    printf("recv %zd %.*s\n", n, (int)n, buf);
}

static void peer_send(const char *text)
{
    ssize_t n = send(peer_fd, text, strlen(text), 0);
    if (n < 0 && errno == ENOTSOCK)
        n = write(peer_fd, text, strlen(text));
    peer_check("send", n);
    printf("send %zd\n", n);
}

static void peer_recvfrom(void)
{
    char buf[4096], call[4200];
    ssize_t n;
    peer_fromlen = sizeof peer_from;
    n = recvfrom(peer_fd, buf, sizeof buf, 0, (struct sockaddr *)&peer_from, &peer_fromlen);
    peer_check("recvfrom", n);
    (void)snprintf(call, sizeof call, "recvfrom %zd %.*s", n, (int)n, buf);
    peer_say(call, &peer_from, peer_fromlen);
}

/* "ADDRESS/text", or "text" to whom the last record came from. */
static void peer_sendto(const char *text)
{
    const char *slash = strchr(text, '@');
    char where[128];
    ssize_t n;
    if (slash) {
        (void)snprintf(where, sizeof where, "%.*s", (int)(slash - text), text);
        peer_fromlen = peer_address(where, &peer_from);
        text = slash + 1;
    }
    n = sendto(peer_fd, text, strlen(text), 0, (struct sockaddr *)&peer_from, peer_fromlen);
    peer_check("sendto", n);
    printf("sendto %zd\n", n);
}

static void peer_select(void)
{
    fd_set in;
    FD_ZERO(&in);
    FD_SET(peer_fd, &in);
    printf("select %d\n", select(peer_fd + 1, &in, NULL, NULL, NULL));
}

static void peer_sockopt(const char *how)
{
    int value = 0, type = 0;
    socklen_t len = sizeof value;
    if (strcmp(how, "set") == 0) {
        value = 1;
        peer_check("setsockopt", setsockopt(peer_fd, SOL_SOCKET, SO_KEEPALIVE, &value, len));
    }
    peer_check("getsockopt", getsockopt(peer_fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len));
    peer_check("getsockopt", getsockopt(peer_fd, SOL_SOCKET, SO_TYPE, &type, &len));
    printf("getsockopt %d %d\n", type, value != 0);
}

static void peer_gethostbyname(const char *name)
{
    const struct hostent *h = gethostbyname(name);
    char text[64] = "-";
    if (h && h->h_addr_list[0])
        (void)inet_ntop(h->h_addrtype, h->h_addr_list[0], text, sizeof text);
    printf("gethostbyname %s\n", text);
}

static void peer_shutdown(const char *how)
{
    peer_check("shutdown", shutdown(peer_fd, strcmp(how, "rd") == 0 ? SHUT_RD : SHUT_WR));
    printf("shutdown\n");
}

static void peer_open(const char *path, int flags)
{
    peer_fd = open(path, flags);
    peer_check("open", peer_fd);
    printf("open\n");
}

/* Until a line comes on standard input: the test says when. */
static void peer_wait(void)
{
    char c;
    while (read(0, &c, 1) == 1 && c != '\n')
        ;
    printf("wait\n");
}

static int peer_plain(const char *call)
{
    if (strcmp(call, "listen") == 0)
        peer_check("listen", listen(peer_fd, 16));
    else if (strcmp(call, "accept") == 0)
        peer_accept();
    else if (strcmp(call, "recv") == 0)
        peer_recv();
    else if (strcmp(call, "recvfrom") == 0)
        peer_recvfrom();
    else if (strcmp(call, "select") == 0)
        peer_select();
    else if (strcmp(call, "wait") == 0)
        peer_wait();
    else if (strcmp(call, "close") == 0)
        peer_check("close", close(peer_fd));
    else
        return 0;
    return 1;
}

static int peer_valued(const char *call, const char *value)
{
    if (strcmp(call, "socket") == 0)
        peer_socket(value);
    else if (strcmp(call, "bind") == 0)
        peer_bind(value);
    else if (strcmp(call, "connect") == 0)
        peer_connect(value);
    else if (strcmp(call, "send") == 0)
        peer_send(value);
    else if (strcmp(call, "sendto") == 0)
        peer_sendto(value);
    else if (strcmp(call, "sockopt") == 0)
        peer_sockopt(value);
    else if (strcmp(call, "gethostbyname") == 0)
        peer_gethostbyname(value);
    else if (strcmp(call, "shutdown") == 0)
        peer_shutdown(value);
    else if (strcmp(call, "read") == 0)
        peer_open(value, O_RDONLY);
    else if (strcmp(call, "write") == 0)
        peer_open(value, O_WRONLY);
    else if (strcmp(call, "fd") == 0)
        peer_fd = (int)strtol(value, NULL, 10);
    else
        return 0;
    return 1;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value)
            *value++ = '\0';
        if (!(value ? peer_valued(argv[i], value) : peer_plain(argv[i]))) {
            printf("no call %s\n", argv[i]);
            return 2;
        }
    }
    return 0;
}
