/* SPDX-License-Identifier: MIT
 *
 * Child processes by CreateProcess, which inherit nothing but their three handles.
 * Descriptor numbers, login names, other users and roots do not exist here: ENOTSUP.
 */
#include "os/win/win.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <wchar.h>

enum { PROC_LINE = 32767 }; /* CreateProcess's own limit, with the end */

/* A growing command line in UTF-8; `over` once something did not fit. */
struct proc_line {
    char *text;
    size_t len;
    int over;
};

/* Everything that a spawn holds until it is over. */
struct proc_plan {
    struct proc_line line;
    wchar_t *wide, *env, *folder;
    HANDLE std[3];     /* inheritable copies, NULL where there is none */
    HANDLE inherit[3]; /* the same without gaps */
    SIZE_T ninherit;
    LPPROC_THREAD_ATTRIBUTE_LIST list;
};

static void proc_put(struct proc_line *l, char c, size_t times)
{
    while (times-- > 0) {
        if (l->len + 1 >= PROC_LINE) {
            l->over = 1;
            return;
        }
        l->text[l->len++] = c;
    }
    l->text[l->len] = '\0';
}

static void proc_puts(struct proc_line *l, const char *s)
{
    while (*s)
        proc_put(l, *s++, 1);
}

/* As CommandLineToArgvW reads it: backslashes count only before a quote, and are doubled there. */
static void proc_quote(struct proc_line *l, const char *arg)
{
    if (*arg && !strpbrk(arg, " \t\n\v\"")) {
        proc_puts(l, arg);
        return;
    }
    proc_put(l, '"', 1);
    for (;;) {
        size_t slashes = strspn(arg, "\\");
        arg += slashes;
        if (*arg == '\0') {
            proc_put(l, '\\', 2 * slashes);
            break;
        }
        proc_put(l, '\\', *arg == '"' ? 2 * slashes + 1 : slashes);
        proc_put(l, *arg++, 1);
    }
    proc_put(l, '"', 1);
}

static int proc_build_line(struct proc_plan *p, const struct plug__spawn *how)
{
    struct proc_line *l = &p->line;
    l->text = plug__malloc(PROC_LINE);
    if (!l->text)
        return PLUG_ENOMEM;
    l->text[0] = '\0';
    if (how->shell) { /* with /s all between the first and the last quote is the command */
        proc_puts(l, "cmd.exe /d /s /c \"");
        proc_puts(l, how->shell);
        proc_put(l, '"', 1);
    } else {
        for (const char *const *a = how->argv; *a; a++) {
            proc_put(l, ' ', a != how->argv);
            proc_quote(l, *a);
        }
    }
    return l->over ? PLUG_EMSGSIZE : 0;
}

static int proc_widen(const char *text, wchar_t **ret)
{
    size_t len = strlen(text) + 1;
    if (len > PROC_LINE)
        return PLUG_ENAMETOOLONG;
    *ret = plug__calloc(len, sizeof **ret);
    if (!*ret)
        return PLUG_ENOMEM;
    int rc = plug__win_wide(text, *ret, (int)len);
    return rc < 0 ? rc : 0;
}

static int proc_same_name(const wchar_t *a, const wchar_t *b)
{
    size_t n = wcscspn(a, L"=");
    return _wcsnicmp(a, b, n) == 0 && b[n] == L'=';
}

static size_t proc_env_size(const wchar_t *old, const char *const *added)
{
    size_t n = 2;
    for (; *old; old += wcslen(old) + 1)
        n += wcslen(old) + 1;
    for (; *added; added++)
        n += strlen(*added) + 1; /* UTF-16 never has more units than UTF-8 has bytes */
    return n;
}

static int proc_env_overridden(const wchar_t *old, const wchar_t *from, const wchar_t *to)
{
    for (; from < to; from += wcslen(from) + 1)
        if (proc_same_name(from, old))
            return 1;
    return 0;
}

/* The added ones first, then those of ours that they do not replace. */
static int proc_fill_env(wchar_t *at, size_t room, const wchar_t *old, const char *const *added)
{
    const wchar_t *start = at, *end = at + room;
    for (; *added; added++) {
        int n = plug__win_wide(*added, at, (int)(end - at));
        if (n < 0)
            return n;
        at += n;
    }
    const wchar_t *mine = at;
    for (; *old; old += wcslen(old) + 1) {
        if (proc_env_overridden(old, start, mine))
            continue;
        size_t n = wcslen(old) + 1;
        wmemcpy(at, old, n);
        at += n;
    }
    *at = L'\0';
    return 0;
}

static int proc_build_env(struct proc_plan *p, const char *const *added)
{
    int rc = PLUG_ENOMEM;
    if (!added)
        return 0;
    wchar_t *old = GetEnvironmentStringsW();
    if (!old)
        return PLUG_ENOMEM;
    size_t room = proc_env_size(old, added);
    p->env = room > INT32_MAX ? NULL : plug__calloc(room, sizeof *p->env);
    if (p->env)
        rc = proc_fill_env(p->env, room, old, added);
    (void)FreeEnvironmentStringsW(old);
    return rc;
}

/* A handle for the child: the one given, or our own. A program without a console has none. */
static int proc_std(HANDLE *ret, plug_handle given, int n, int *reterr_os)
{
    HANDLE self = GetCurrentProcess();
    plug_handle h = given;
    if (h == PLUG_NO_HANDLE && (plug__os_stdio(n, &h, NULL) < 0 || h == PLUG_NO_HANDLE))
        return 0;
    if (!DuplicateHandle(self, plug__win_handle(h), self, ret, 0, TRUE, DUPLICATE_SAME_ACCESS))
        return plug__win_last(reterr_os);
    return 0;
}

static int proc_build_list(struct proc_plan *p, int *reterr_os)
{
    SIZE_T size = 0;
    (void)InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    p->list = plug__malloc(size);
    if (!p->list)
        return PLUG_ENOMEM;
    if (!InitializeProcThreadAttributeList(p->list, 1, 0, &size)) {
        plug__free(p->list);
        p->list = NULL;
        return plug__win_last(reterr_os);
    }
    for (int i = 0; i < 3; i++)
        if (p->std[i])
            p->inherit[p->ninherit++] = p->std[i];
    if (p->ninherit > 0 &&
        !UpdateProcThreadAttribute(p->list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, p->inherit,
                                   p->ninherit * sizeof(HANDLE), NULL, NULL))
        return plug__win_last(reterr_os);
    return 0;
}

static int proc_build(struct proc_plan *p, const struct plug__spawn *how, int *reterr_os)
{
    const plug_handle given[3] = {how->in, how->out, how->err};
    int rc = proc_build_line(p, how);
    if (rc == 0)
        rc = proc_widen(p->line.text, &p->wide);
    if (rc == 0)
        rc = proc_build_env(p, how->env);
    if (rc == 0 && how->chdir)
        rc = proc_widen(how->chdir, &p->folder);
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = proc_std(&p->std[i], given[i], i, reterr_os);
    return rc == 0 ? proc_build_list(p, reterr_os) : rc;
}

static int proc_start(struct proc_plan *p, const struct plug__spawn *how, struct plug__child *ret,
                      int *reterr_os)
{
    DWORD flags = EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT;
    STARTUPINFOEXW start = {.StartupInfo = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES},
                            .lpAttributeList = p->list};
    PROCESS_INFORMATION info;
    start.StartupInfo.hStdInput = p->std[0];
    start.StartupInfo.hStdOutput = p->std[1];
    start.StartupInfo.hStdError = p->std[2];
    if (how->setsid)
        flags |= CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW;
    else if (how->new_group)
        flags |= CREATE_NEW_PROCESS_GROUP;
    if (!CreateProcessW(NULL, p->wide, NULL, NULL, p->ninherit > 0, flags, p->env, p->folder,
                        &start.StartupInfo, &info))
        return plug__win_last(reterr_os);
    (void)CloseHandle(info.hThread);
    *ret = (struct plug__child){.pid = info.dwProcessId, .handle = (plug_handle)info.hProcess};
    return 0;
}

static void proc_drop(struct proc_plan *p)
{
    if (p->list) {
        DeleteProcThreadAttributeList(p->list);
        plug__free(p->list);
    }
    for (int i = 0; i < 3; i++)
        if (p->std[i])
            (void)CloseHandle(p->std[i]);
    plug__free(p->folder);
    plug__free(p->env);
    plug__free(p->wide);
    plug__free(p->line.text);
}

int plug__os_spawn(const struct plug__spawn *how, struct plug__child *ret, int *reterr_os)
{
    struct proc_plan p = {0};
    if (!how->shell && (!how->argv || !how->argv[0]))
        return PLUG_EINVAL;
    if (how->in_fd > 0 || (how->out_fd > 0 && how->out_fd != 1) || how->dash || how->become ||
        how->ctty)
        return PLUG_ENOTSUP;
    int rc = proc_build(&p, how, reterr_os);
    if (rc == 0)
        rc = proc_start(&p, how, ret, reterr_os);
    proc_drop(&p);
    return rc;
}

int plug__os_exec(const struct plug__spawn *how, int *reterr_os)
{
    (void)how;
    (void)reterr_os;
    return PLUG_ENOTSUP;
}

const char *plug__os_shell(void)
{
    return "cmd.exe";
}

int plug__os_user_known(const char *name)
{
    (void)name;
    return PLUG_ENOTSUP;
}

int plug__os_group_known(const char *name)
{
    (void)name;
    return PLUG_ENOTSUP;
}

int plug__os_wait(const struct plug__child *c, int *ret_status)
{
    DWORD code = 0;
    HANDLE h = plug__win_handle(c->handle);
    switch (WaitForSingleObject(h, 0)) {
    case WAIT_TIMEOUT:
        return PLUG_EAGAIN;
    case WAIT_OBJECT_0:
        break;
    default:
        return plug__win_last(NULL);
    }
    if (!GetExitCodeProcess(h, &code))
        return plug__win_last(NULL);
    /* An unhandled exception ends a process with its NTSTATUS, which is no exit code. */
    *ret_status = code >= 0xC0000000u ? 128 + 6 : (int)(code & 0xff);
    return code >= 0xC0000000u ? 1 : 0;
}

/* There are no signals: the process ends at once, with the status a Unix shell would show. */
int plug__os_kill(const struct plug__child *c, int sig)
{
    UINT status = 128 + (UINT)(sig ? sig : 15);
    return TerminateProcess(plug__win_handle(c->handle), status) ? 0 : plug__win_last(NULL);
}

int64_t plug__os_pid(void)
{
    return GetCurrentProcessId();
}
