/* SPDX-License-Identifier: MIT
 *
 * From addresses to plans: the canonical text, every refusal with its column, options and who gets
 * them, types, `become`, pushed layers, and running out of memory.
 */
#include "unit/torture.h"

#include "core/plan_parts.h"
#include "unit/core/toys.h"

static struct plug_plan *parse(const char *address)
{
    struct plug_plan *p = NULL;
    struct plug_err err = {0};
    if (plug__plan_parse(&p, address, toys, &err))
        fail_msg("%s: %s", address, err.text);
    return p;
}

static struct plug_plan *check(const char *address)
{
    struct plug_plan *p = parse(address);
    struct plug_err err = {0};
    if (plug__plan_check(p, 0, 0, &err))
        fail_msg("%s: %s", address, err.text);
    return p;
}

static const struct {
    const char *address, *text;
} canonical[] = {
    {"TOYSTREAM:h:80", "toystream://h:80"},
    {"toys:[::1]:80", "toystream://[::1]:80"},
    {"toystream-connect:h:http", "toystream://h:http"},
    {"toystream://h:80/", "toystream://h:80"},
    {"toystream://[fe80::1%lo]:80", "toystream://[fe80::1%25lo]:80"},
    {"toyframe+toys:h:1", "toyframe+toystream://h:1"},
    {"toyframe+toyframe+toys://h:1", "toyframe+toyframe+toystream://h:1"},
    {"toystream-listen://:0#once", "toystream-listen://:0#once"},
    {"toystream-listen://:0", "toystream-listen://:0"},
    {"toystream-listen://[::]:8", "toystream-listen://*:8"},
    {"toystream-listen://[::1]:8", "toystream-listen://[::1]:8"},
    {"TOYSTREAM-L:0", "toystream-listen://*:0#once"},
    {"TOYSTREAM-L:0,fork", "toystream-listen://*:0"},
    {"TOYSTREAM-L:0,fork=0", "toystream-listen://*:0#once"},
    {"toystream-l:80,bind=10.0.0.1,fork", "toystream-listen://10.0.0.1:80"},
    {"toystream-l:80,bind=[::1]:9,fork", "toystream-listen://[::1]:80"},
    {"toystream:h:1,bind=10.0.0.1", "toystream://h:1#bind=10.0.0.1"},
    {"toystream4-listen:80,fork", "toystream4-listen://0.0.0.0:80"},
    {"toypath:/a b", "toypath:///a%20b"},
    {"toypath:rel:with:colons", "toypath:rel:with:colons"},
    {"toypath-listen:/x", "toypath-listen:///x#once"},
    {"toypath-listen:x,fork", "toypath-listen:x,fork"},
    {"toypath-listen:x", "toypath-listen:x"},
    {"toypath-listen:///x", "toypath-listen:///x"},
    {"toyecho", "toyecho"},
    {"toyecho:", "toyecho"},
    {"toypipe", "toypipe"},
    {"toypipe:", "toypipe"},
    {"toypipe:/x", "toypipe:/x"},
    {"toytext:", "toytext:"},
    {"toytext", "toytext:"}, /* by the fuzzer: no parameter is an empty text */
    {"toytext:\\n\\\\", "toytext:\"\\n\\\\\""},
    {"toyexec:\"cat -u\"", "toyexec:cat -u"},
    {"toyexec:'sh -c \"a,b\"'", "toyexec:\"sh -c \\\"a,b\\\"\""},
    {"toyfd:3", "toyfd:3"},
    {"toys:h:1,toyflag=0,toytext='a,b#c',ignoreeof",
     "toystream://h:1#toyflag=0,toytext=a%2Cb%23c,ignoreeof"},
    {"toyframe+toys:h:1,ignoreeof,toysock=5,toylimit=1k",
     "toyframe+toystream://h:1#toylimit=1k,toysock=5,ignoreeof"},
    {"toys:h:1,frame=len32", "toystream://h:1#frame=len32"},
    {"toys:h:1,frame=chunk", "toystream://h:1#frame=chunk"},
    {"toys:h:1,frame=len32,escape=0x1d", "toystream://h:1#escape=0x1d,frame=len32"},
};

static void test_plan__text_is_canonical(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        struct plug_plan *p = parse(canonical[i].address), *again;
        struct plug__str first = {0}, second = {0};
        plug__plan_text(p, &first);
        assert_string_equal(first.text, canonical[i].text);
        again = parse(first.text);
        plug__plan_text(again, &second);
        assert_string_equal(second.text, first.text);
        assert_int_equal(again->common.once, p->common.once);
        assert_int_equal(again->nsteps, p->nsteps);
        plug__str_drop(&first);
        plug__str_drop(&second);
        plug__plan_drop(p);
        plug__plan_drop(again);
    }
}

static const struct {
    const char *address;
    int column, width;
    const char *text, *hint;
} wrong[] = {
    /* kinds */
    {"toystrem:h:1", 0, 8, "(did you mean \"toystream\"?)", "plug list"},
    {"zzzzzz:h:1", 0, 6, "kind \"zzzzzz\" is not known", "plug list"},
    {"zzzzzz://h:1", 0, 6, "kind \"zzzzzz\" is not known", "plug list"},
    {"posixmq:/x", 0, 7, "one of socat's that plug does not have yet", "plug list"},
    {"www.example.net:80", 0, 15, "is no kind of address", "tcp:www.example.net:80"},
    {"zzzzzz+toys:h:1", 0, 6, "is not known", ""},
    {"toyframe", 0, 8, "needs a base below it", "toyframe+tcp"},
    {"toyframe+toyframe", 9, 8, "needs a base below it", ""},
    {"toyecho+toys:h:1", 0, 7, "cannot stand on another layer", "base comes last"},
    {"toyframe+toyecho+toys:h:1", 9, 7, "cannot stand on another layer", ""},
    /* parameters */
    {"toystream", 0, 9, "needs a host and a port", "toystream:HOST:PORT"},
    {"toystream:", 10, 1, "needs a host and a port", ""},
    {"toystream::80", 10, 3, "needs a host and a port", ""},
    {"toystream:h", 10, 1, "needs a port behind the host", "toystream:h:1"},
    {"toystream:h:", 10, 1, "needs a port behind the host", ""},
    {"toystream:::1:80", 10, 6, "stands in brackets", ""},
    {"toystream:h:65536", 12, 5, "not a port", "65535"},
    {"toystream:h:99999999999999999999", 12, 20, "not a port", "65535"},
    {"toystream:h:0", 12, 1, "port 0", ""},
    {"toystream:h:8o!", 12, 3, "not a port", "service"},
    {"toystream:h:-1", 12, 2, "not a port", ""},
    {"toystream:a b:1", 10, 3, "not a host", ""},
    {"toystream:[]:80", 10, 2, "not a host", ""}, /* by the fuzzer: its canonical text had none */
    {"toystream://[]:80", 0, 9, "needs a host and a port", ""},
    {"toystream://:80", 0, 9, "needs a host and a port", ""},
    {"toystream://h", 12, 1, "needs a port", ""},
    {"toystream://h:99999", 14, 5, "not a port", ""},
    {"toystream://h:80,fork", 16, 5, "options of a URL follow a #", "#option"},
    {"toystream://h:1/live", 15, 5, "takes no path", "#"},
    {"toystream://a%2Fb:1", 12, 5, "not a host", ""},
    {"toystream-listen:", 17, 1, "needs a port", ""},
    {"toystream-listen", 0, 16, "needs a port", ""},
    {"toystream-listen:h:80", 17, 4, "takes a port only", "bind="},
    {"toystream-listen:99999", 17, 5, "not a port", ""},
    {"toystream-listen://8080", 19, 4, "needs a port", "://:8080"},
    {"toystream-listen://:", 0, 16, "needs a port", ""},
    {"toypath:", 8, 1, "needs a parameter", "toypath:PATH"},
    {"toypath", 0, 7, "needs a parameter", ""},
    {"toypath://a/b", 10, 1, "takes a path and no host", ":///"},
    {"toypath://:1/b", 11, 1, "takes a path and no host", ":///"},
    {"toypath://", 0, 7, "needs a parameter", ""},
    {"toyexec://x", 0, 7, "has no URL form", "toyexec:COMMAND"},
    {"toyecho:x", 8, 1, "takes no parameter", ""},
    {"toyfd:x", 6, 1, "not a number", "fd:3"},
    {"toyfd:1234567890", 6, 10, "not a number", ""},
    {"toyfd", 0, 5, "needs a parameter", ""},
    /* options */
    {"toys:h:1,forkk", 9, 5, "option \"forkk\" is not known for toystream (did you mean \"fork\"?)",
     "plug list options toystream"},
    {"toys:h:1,toyflagg", 9, 8, "did you mean \"toyflag\"", ""},
    {"toys:h:1, toyflag", 9, 8, "option \" toyflag\" is not known", ""},
    {"toys://h:1#toyflag=1,kangaroo", 21, 8, "option \"kangaroo\" is not known for toystream", ""},
    {"toys:h:1,prompt", 9, 6, "option \"prompt\" is one of socat's", ""},
    {"toypipe:x,toyflag", 10, 7, "it is one of toystream's", ""},
    {"toys:h:1,=5", 9, 1, "name is missing", ""},
    {"toys:h:1,toynumber=0", 19, 1, "\"0\" is not a value for option \"toynumber\"", "1 to 100"},
    {"toys:h:1,toynumber", 9, 9, "needs a value", "1 to 100"},
    {"toys:h:1,toynumber=", 9, 9, "not a value", "1 to 100"},
    {"toys:h:1,toylacks=1", 18, 1, "this system has no \"toylacks\"", "leave"},
    {"toys:h:1,once", 9, 4, "is for listeners; toystream does not listen", "-listen"},
    {"toystream-l:1,connect-timeout=1", 14, 15, "not for listeners", ""},
    {"toystream-l:1,fork,once", 19, 4, "contradict", ""},
    {"toys:h:1,frame=xml", 15, 3, "not a value for option \"frame\"", "netstring"},
    {"toys:h:1,frame=len32,frame=len32", 27, 5, "given twice", ""},
    {"toys:h:1,escape=1,escape=2", 25, 1, "given twice", ""},
};

static void test_plan__refuses_with_the_place_and_a_hint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct plug_plan *p = NULL;
        struct plug_err err = {0};
        int result;
        result = plug__plan_parse(&p, wrong[i].address, toys, &err);
        if (!result || err.column != wrong[i].column || err.width != wrong[i].width ||
            !strstr(err.text, wrong[i].text) || !strstr(err.hint, wrong[i].hint) || !err.hint[0])
            fail_msg("%s: %d at %d+%d: %s (%s)", wrong[i].address, result, err.column, err.width,
                     err.text, err.hint);
        assert_int_equal(err.code, result);
        assert_null(p);
        /* nobody needs to ask why */
        assert_int_equal(plug__plan_parse(&p, wrong[i].address, toys, NULL), result);
    }
}

static void test_plan__url_listener_binds_loopback_and_serves_all(void **state)
{
    struct plug_plan *p = parse("toystream-listen://:80");
    (void)state;
    assert_null(p->steps[0].host);
    assert_string_equal(p->steps[0].port, "80");
    assert_int_equal(p->port_column, 20);
    assert_int_equal(p->port_width, 2);
    assert_int_equal(p->steps[0].role, PLUG_LISTENER);
    assert_int_equal(p->common.once, 0);
    assert_int_equal(p->url, 1);
    plug__plan_drop(p);
}

static void test_plan__classic_listener_binds_any_and_serves_one(void **state)
{
    struct plug_plan *p = parse("TOYSTREAM-LISTEN:80");
    (void)state;
    assert_string_equal(p->steps[0].host, "*");
    assert_int_equal(p->common.once, 1);
    plug__plan_drop(p);
    p = parse("TOYSTREAM4-LISTEN:80,fork");
    assert_string_equal(p->steps[0].host, "0.0.0.0");
    assert_int_equal(p->common.once, 0);
    plug__plan_drop(p);
    p = parse("toystream-listen:80,bind=127.0.0.1");
    assert_string_equal(p->steps[0].host, "127.0.0.1");
    assert_string_equal(p->steps[0].bind, "127.0.0.1");
    plug__plan_drop(p);
    p = parse("toystream-listen:80,bind=a:b:c"); /* the layer will refuse it */
    assert_string_equal(p->steps[0].host, "*");
    plug__plan_drop(p);
}

static void test_plan__presets_come_before_options(void **state)
{
    struct plug_plan *p = parse("toystream4-listen:80,toyflag=0");
    const struct toy_stream_conf *c = p->steps[0].conf;
    (void)state;
    assert_int_equal(c->c.choice, 1);
    assert_int_equal(c->c.flag, 0);
    assert_string_equal(c->pf, "ip4");
    assert_int_equal(c->c.number, 7); /* the layer's default */
    assert_int_equal(p->steps[0].nopts, 4);
    plug__plan_drop(p);
}

static void test_plan__options_go_to_the_topmost_that_knows_them(void **state)
{
    struct plug_plan *p = parse("toyframe+toys:h:1,toytext=up,toynumber=3,grace=5");
    const struct toy_stream_conf *base = p->steps[0].conf;
    (void)state;
    assert_string_equal(((const char *const *)p->steps[1].conf)[1], "up");
    assert_null(base->c.text);
    assert_int_equal(base->c.number, 3);
    assert_int_equal(p->common.grace, 5 * PLUG_SECOND);
    assert_int_equal(p->steps[1].nopts, 1);
    assert_int_equal(p->steps[0].nopts, 1);
    assert_int_equal(p->nopts, 1);
    assert_string_equal(p->steps[0].opts[0].option->name, "toynumber");
    plug__plan_drop(p);
}

static void test_plan__socket_options_keep_their_order(void **state)
{
    struct plug_plan *p = parse("toys:h:1,toysock=1,toysockflag,toysock=2,toysock=3,toysock=4,"
                                "toysock=5,toysock=6,toysock=7,toysock=8,toysock=9");
    (void)state;
    assert_int_equal(p->steps[0].nopts, 10);
    assert_string_equal(p->steps[0].opts[1].option->name, "toysockflag");
    assert_int_equal(p->steps[0].opts[9].number, 9);
    assert_int_equal(p->steps[0].opts[0].number, 1);
    assert_int_equal(p->steps[0].opts[0].column, 9);
    plug__plan_drop(p);
}

static void test_plan__server_turns_the_roles_of_layers(void **state)
{
    struct plug_plan *p = parse("toyframe+toyfd:0,server");
    (void)state;
    assert_int_equal(p->steps[0].role, PLUG_CLIENT);
    assert_int_equal(p->steps[1].role, PLUG_SERVER);
    plug__plan_drop(p);
    p = parse("toyframe+toystream-listen:1");
    assert_int_equal(p->steps[1].role, PLUG_SERVER);
    plug__plan_drop(p);
    p = parse("toyframe+toys:h:1");
    assert_int_equal(p->steps[1].role, PLUG_CLIENT);
    plug__plan_drop(p);
}

static void test_plan__defaults_are_those_of_the_docs(void **state)
{
    struct plug_plan *p = parse("toyecho:");
    (void)state;
    assert_int_equal(p->common.connect_timeout, 30 * PLUG_SECOND);
    assert_int_equal(p->common.handshake_timeout, 10 * PLUG_SECOND);
    assert_int_equal(p->common.close_timeout, 5 * PLUG_SECOND);
    assert_int_equal(p->common.grace, 2 * PLUG_SECOND);
    assert_int_equal(p->common.half_open, 1024);
    assert_int_equal(p->common.idle_timeout, 0);
    assert_int_equal(p->steps[0].adopt, PLUG_NO_HANDLE);
    plug__plan_drop(p);
}

/* ---- pushed layers ---- */

static void test_plan__filters_stand_below_framing(void **state)
{
    struct plug_plan *p = check("toys:h:1,frame=len32,escape=0x1d,toylimit=9");
    (void)state;
    assert_int_equal(p->nsteps, 3);
    assert_string_equal(p->steps[1].ops->name, "escape");
    assert_string_equal(p->steps[2].ops->name, "len32");
    assert_int_equal(*(const int64_t *)p->steps[1].conf, 0x1d);
    assert_int_equal(*(const int64_t *)p->steps[2].conf, 9);
    assert_string_equal(p->common.frame, "len32");
    assert_int_equal(p->steps[1].offers, PLUG_STREAM);
    assert_int_equal(p->steps[2].offers, PLUG_SEQPACKET);
    assert_int_equal(p->steps[2].limit, 65535);
    assert_int_equal(p->pushed, 6);
    assert_ptr_equal(plug__plan_top(p), &p->steps[2]);
    plug__plan_drop(p);
}

static void test_plan__frame_on_a_record_side_is_a_usage_error(void **state)
{
    struct plug_plan *p = parse("toydgram:h:1,frame=len32");
    struct plug_err err = {0};
    (void)state;
    assert_int_equal(plug__plan_check(p, 0, 0, &err), PLUG_EUSAGE);
    assert_int_equal(err.column, 13);
    assert_int_equal(err.width, 5);
    assert_non_null(strstr(err.text, "toydgram carries records (datagram)"));
    assert_non_null(strstr(err.hint, "byte side"));
    plug__plan_drop(p);
}

static void test_plan__a_stack_that_cannot_be_names_the_layer(void **state)
{
    struct plug_plan *p = parse("toyframe+toydgram:h:1");
    struct plug_err err = {0};
    (void)state;
    assert_int_equal(plug__plan_check(p, 0, 0, &err), PLUG_EUSAGE);
    assert_int_equal(err.column, 0);
    assert_int_equal(err.width, 8);
    assert_non_null(strstr(err.text, "needs bytes"));
    assert_non_null(strstr(err.hint, "toyframe"));
    plug__plan_drop(p);
}

static void test_plan__push_puts_a_layer_on_top(void **state)
{
    struct plug_plan *p = parse("toys:h:1");
    struct plug__str text = {0};
    struct plug_err err = {0};
    (void)state;
    assert_int_equal(plug__plan_push(p, "escape", &err), 0);
    assert_int_equal(plug__plan_push(p, "toyframe", &err), 0);
    assert_int_equal(plug__plan_push(p, "nosuch", &err), PLUG_EUSAGE);
    assert_non_null(strstr(err.text, "nosuch"));
    assert_int_equal(plug__plan_push(p, "toyecho", &err), PLUG_EUSAGE);
    assert_non_null(strstr(err.text, "another layer"));
    assert_int_equal(plug__plan_check(p, 0, 0, &err), 0);
    assert_int_equal(plug__plan_top(p)->offers, PLUG_SEQPACKET);
    plug__plan_text(p, &text);
    assert_string_equal(text.text, "toystream://h:1");
    while (p->nsteps < PLUG__STEPS)
        assert_int_equal(plug__plan_push(p, "escape", &err), 0);
    assert_int_equal(plug__plan_push(p, "escape", &err), PLUG_EUSAGE);
    plug__str_drop(&text);
    plug__plan_drop(p);
}

/* ---- types ---- */

static void test_plan__anytype_takes_the_mates_type(void **state)
{
    struct plug_plan *p = check("toyecho:");
    (void)state;
    assert_int_equal(plug__plan_open_type(p), 1);
    assert_int_equal(plug__plan_check(p, PLUG_DGRAM, 1500, NULL), 0);
    assert_int_equal(plug__plan_open_type(p), 0);
    assert_int_equal(plug__plan_top(p)->offers, PLUG_DGRAM);
    assert_int_equal(plug__plan_top(p)->limit, 1500);
    assert_int_equal(plug__plan_check(p, PLUG_DGRAM, 1500, NULL), 0);
    assert_int_equal(plug__plan_check(p, PLUG_STREAM, SIZE_MAX, NULL), 0);
    assert_int_equal(plug__plan_top(p)->offers, PLUG_STREAM);
    assert_int_equal(plug__plan_top(p)->mate_limit, INT32_MAX);
    plug__plan_drop(p);
    p = check("toys:h:1");
    assert_int_equal(plug__plan_open_type(p), 0);
    plug__plan_drop(p);
}

static void test_plan__become_swaps_the_layer_and_keeps_the_handle(void **state)
{
    struct plug_plan *p = check("toyframe+toyfd:4,toytext=x,ignoreeof");
    (void)state;
    assert_string_equal(p->steps[0].ops->name, "toystream");
    assert_int_equal(p->steps[0].adopt, 3);
    assert_null(p->steps[0].become);
    assert_string_equal(p->steps[0].kind->name, "toyfd");
    assert_int_equal(p->steps[0].flags, toy_stream.flags);
    assert_int_equal(plug__plan_top(p)->offers, PLUG_SEQPACKET);
    assert_int_equal(plug__plan_check(p, PLUG_DGRAM, 0, NULL), 0); /* undone and done again */
    assert_string_equal(p->steps[0].ops->name, "toystream");
    assert_int_equal(p->steps[0].adopt, 3);
    plug__plan_drop(p);
}

static void test_plan__become_takes_the_other_layers_options(void **state)
{
    struct plug_plan *p = check("toyfd:3,toynumber=4,toysock=2");
    struct plug_err err = {0};
    (void)state;
    assert_string_equal(p->steps[0].ops->name, "toydgram");
    assert_int_equal(((const struct toy_conf *)p->steps[0].conf)->number, 4);
    assert_int_equal(p->steps[0].nopts, 2);
    plug__plan_drop(p);
    assert_int_equal(plug__plan_parse(&p, "toyfd:3,pf=x", toys, &err), PLUG_EUSAGE);
    assert_non_null(strstr(err.text, "one of toystream's"));
    assert_int_equal(plug__plan_parse(&p, "toyfd:3,toynumber=0", toys, &err), PLUG_EUSAGE);
    assert_int_equal(err.column, 18);
}

static const struct {
    const char *address, *text;
    int code, column, width; /* of its parameter, where it is what is wrong */
} unplanned[] = {
    {"toyfd:13", "descriptor 13 is not open", PLUG_EUSAGE, 6, 2},
    {"toyfd:14", "toyfd cannot stand here: invalid argument", PLUG_EINVAL, 6, 2},
    {"toyfd:99", "no layer \"nosuch\"", PLUG_EUSAGE, 0, 5},
};

static void test_plan__what_a_layer_refuses_gets_a_place_and_a_hint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unplanned / sizeof *unplanned; i++) {
        struct plug_plan *p = parse(unplanned[i].address);
        struct plug_err err = {0};
        assert_int_equal(plug__plan_check(p, 0, 0, &err), unplanned[i].code);
        assert_non_null(strstr(err.text, unplanned[i].text));
        assert_int_equal(err.column, unplanned[i].column);
        assert_int_equal(err.width, unplanned[i].width);
        assert_true(err.hint[0] != '\0');
        assert_int_equal(plug__plan_check(p, 0, 0, NULL), unplanned[i].code);
        plug__plan_drop(p);
    }
}

/* ---- plug_socket's way ---- */

static void test_plan__stack_then_target(void **state)
{
    struct plug_plan *p = NULL;
    struct plug_err err = {0};
    (void)state;
    assert_int_equal(plug__plan_stack(&p, "toyframe+toys", toys, &err), 0);
    assert_int_equal(plug__plan_check(p, 0, 0, &err), 0);
    assert_int_equal(plug__plan_top(p)->offers, PLUG_SEQPACKET);
    assert_null(p->steps[0].host);
    assert_int_equal(plug__plan_target(p, "[::1]:80", &err), 0);
    assert_string_equal(p->steps[0].host, "::1");
    assert_string_equal(p->steps[0].port, "80");
    assert_int_equal(plug__plan_target(p, "h:99999", &err), PLUG_EUSAGE);
    assert_int_equal(plug__plan_target(p, "h/x", &err), PLUG_EUSAGE);
    assert_int_equal(plug__plan_target(p, ":80", &err), PLUG_EUSAGE);
    plug__plan_drop(p);
    assert_int_equal(plug__plan_stack(&p, "toypath", toys, &err), 0);
    assert_int_equal(plug__plan_target(p, "/run/x:y,z", &err), 0);
    assert_string_equal(p->steps[0].path, "/run/x:y,z");
    assert_int_equal(plug__plan_target(p, "", &err), PLUG_EUSAGE);
    plug__plan_drop(p);
    assert_int_equal(plug__plan_stack(&p, "toyframe", toys, &err), PLUG_EUSAGE);
    assert_int_equal(plug__plan_stack(&p, "nosuchthing", toys, &err), PLUG_EUSAGE);
    assert_int_equal(plug__plan_stack(&p, "", toys, &err), PLUG_EUSAGE);
    assert_int_equal(plug__plan_stack(&p, "toys:h:1", toys, &err), PLUG_EUSAGE);
}

/* ---- names ---- */

static void test_plan__finds_kinds_and_layers(void **state)
{
    const struct plug_kind *k = NULL;
    (void)state;
    assert_ptr_equal(plug__find_kind("ToyS", 4, toys, &k), &toy_stream);
    assert_string_equal(k->name, "toystream");
    assert_null(plug__find_kind("toy", 3, toys, &k));
    assert_null(plug__find_kind("toys", 4, NULL, &k));
    assert_ptr_equal(plug__find_layer("ESCAPE", toys), &toy_escape);
    assert_null(plug__find_layer("nosuch", toys));
    assert_string_equal(plug__nearest_kind("toyech", 6, toys), "toyecho");
    assert_null(plug__nearest_kind("quitedifferent", 14, toys));
    assert_string_equal(plug__type_name(PLUG_STREAM), "stream");
    assert_string_equal(plug__type_name(PLUG_DGRAM), "datagram");
    assert_string_equal(plug__type_name(PLUG_RAW), "raw");
    assert_string_equal(plug__type_name(PLUG_SEQPACKET), "seqpacket");
    assert_string_equal(plug__type_name(0), "any");
}

static void test_plan__overlong_names_are_only_unknown(void **state)
{
    char name[300];
    struct plug_plan *p = NULL;
    struct plug_err err = {0};
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(plug__plan_parse(&p, name, toys, &err), PLUG_EUSAGE);
    assert_int_equal(err.width, (int)sizeof name - 1);
    memcpy(name, "toys:h:1,", 9);
    assert_int_equal(plug__plan_parse(&p, name, toys, &err), PLUG_EUSAGE);
    assert_int_equal(err.column, 9);
}

/* ---- life ---- */

static void test_plan__is_counted(void **state)
{
    struct plug_plan *p = parse("toyecho:");
    (void)state;
    assert_ptr_equal(plug__plan_ref(p), p);
    plug__plan_drop(p);
    assert_string_equal(p->text, "toyecho:");
    plug__plan_drop(p);
    plug__plan_drop(NULL);
}

static const char *const hungry[] = {
    "toys:[::1]:1,toysock=1,grace=5,escape=1,frame=len32,toylimit=3",
    "toyframe+toyfd:4,toylimit=3",
    "toystream4-listen:80,bind=127.0.0.1,toyflag",
    "toyfd:3,toynumber=4",
};

static void test_plan__out_of_memory_is_told_and_leaks_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hungry / sizeof *hungry; i++) {
        int result = PLUG_ENOMEM;
        for (unsigned n = 0; result && n < 200; n++) {
            struct plug_plan *p = NULL;
            struct plug_err err = {0};
            struct torture t;
            torture_start(&t, n);
            result = plug__plan_parse(&p, hungry[i], toys, &err);
            if (!result)
                result = plug__plan_check(p, 0, 0, &err);
            torture_stop();
            if (result && (result != PLUG_ENOMEM || !t.hit || err.code != result))
                fail_msg("%s, allocation %u: %d %s", hungry[i], n, result, err.text);
            plug__plan_drop(p);
        }
        assert_int_equal(result, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__text_is_canonical),
        cmocka_unit_test(test_plan__refuses_with_the_place_and_a_hint),
        cmocka_unit_test(test_plan__url_listener_binds_loopback_and_serves_all),
        cmocka_unit_test(test_plan__classic_listener_binds_any_and_serves_one),
        cmocka_unit_test(test_plan__presets_come_before_options),
        cmocka_unit_test(test_plan__options_go_to_the_topmost_that_knows_them),
        cmocka_unit_test(test_plan__socket_options_keep_their_order),
        cmocka_unit_test(test_plan__server_turns_the_roles_of_layers),
        cmocka_unit_test(test_plan__defaults_are_those_of_the_docs),
        cmocka_unit_test(test_plan__filters_stand_below_framing),
        cmocka_unit_test(test_plan__frame_on_a_record_side_is_a_usage_error),
        cmocka_unit_test(test_plan__a_stack_that_cannot_be_names_the_layer),
        cmocka_unit_test(test_plan__push_puts_a_layer_on_top),
        cmocka_unit_test(test_plan__anytype_takes_the_mates_type),
        cmocka_unit_test(test_plan__become_swaps_the_layer_and_keeps_the_handle),
        cmocka_unit_test(test_plan__become_takes_the_other_layers_options),
        cmocka_unit_test(test_plan__what_a_layer_refuses_gets_a_place_and_a_hint),
        cmocka_unit_test(test_plan__stack_then_target),
        cmocka_unit_test(test_plan__finds_kinds_and_layers),
        cmocka_unit_test(test_plan__overlong_names_are_only_unknown),
        cmocka_unit_test(test_plan__is_counted),
        cmocka_unit_test(test_plan__out_of_memory_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
