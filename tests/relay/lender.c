/* SPDX-License-Identifier: MIT
 *
 * A child of plug that lends its standard input and output to the test over a Unix socket and ends
 * when the test hangs up. It deliberately moves no byte itself, so that the test checks them all.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int lend(int to)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    int fds[2] = {0, 1};
    char byte = 'x';
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    memset(&control, 0, sizeof(control));
    CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
    CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
    CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, sizeof(fds));
    return sendmsg(to, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char byte;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (argc != 2 || s < 0 || strlen(argv[1]) >= sizeof(to.sun_path))
        return 1;
    memcpy(to.sun_path, argv[1], strlen(argv[1]) + 1);
    if (connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 || lend(s) < 0)
        return 1;
    close(0);
    close(1);
    close(2); /* on a terminal it is the same */
    return read(s, &byte, 1) < 0;
}
