/* A gateway device spoken to by hand: one request a stream, and the streams that it opens to its subscribers. */
#ifndef IT_TESTS_STACK_PORTMAP_IGD_H
#define IT_TESTS_STACK_PORTMAP_IGD_H

#include "stack/portmap/upnp_server.h"
#include "stack/portmap/upnp_text.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

typedef struct igd {
    it_alloc mem;
    it_upnp_server *s;
    it_time now;
    uint32_t flow;
    char reply[20000];
} igd;

static inline it_addr Ad(const char *s)
{
    it_addr a;
    ck_assert_msg(it_addr_parse(&a, s) == 0, "%s", s);
    return a;
}

static inline void igd_open(igd *g, uint8_t version)
{
    memset(g, 0, sizeof *g);
    it_alloc_init(&g->mem);
    it_upnp_server_cfg cfg = {
        .alloc = &g->mem, .http = Ad("10.0.0.1:49000"), .external = Ad("203.0.113.1:0").ip, .version = version};
    it_rng_init(&cfg.rng, 1, "gw");
    g->s = it_upnp_server_new(&cfg);
    ck_assert_ptr_nonnull(g->s);
    g->flow = IT_IO_ACCEPTED_FLOW;
}

static inline void igd_close(igd *g)
{
    it_upnp_server_free(g->s);
    ck_assert_int_eq(g->mem.live, 0);
}

/* The box gives whatever is wanted. */
static inline void igd_box(igd *g)
{
    it_portmap_want w;
    while (it_upnp_server_want(g->s, &w) == 1)
        it_upnp_server_done(g->s, g->now, IT_PORTMAP_OK,
                            it_addr_of(Ad("203.0.113.1:0").ip, w.external.port ? w.external.port : 7777));
}

/* Sends |text| from |from|; returns the status, the whole answer is in g->reply. */
static inline int igd_ask(igd *g, const char *from, const char *text)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    size_t got = 0;
    int status = 0;
    it_io in = {.kind = IT_IO_ACCEPTED,
                .flow = ++g->flow,
                .local = Ad("10.0.0.1:49000"),
                .remote = Ad(from),
                .data = {NULL, 65536}},
          o;
    (void)it_upnp_server_input(g->s, g->now, &in);
    in = (it_io){.kind = IT_IO_DATA, .flow = g->flow, .data = it_bytes_of(text, strlen(text))};
    (void)it_upnp_server_input(g->s, g->now, &in);
    igd_box(g);
    while (it_upnp_server_output(g->s, g->now, &o, buf, sizeof buf) == 1 && o.kind != IT_IO_FIN) {
        ck_assert(o.kind == IT_IO_DATA && o.flow == g->flow && got + o.data.n < sizeof g->reply);
        memcpy(g->reply + got, o.data.p, o.data.n);
        got += o.data.n;
    }
    ck_assert(o.kind == IT_IO_FIN && o.flow == g->flow);
    g->reply[got] = '\0';
    in = (it_io){.kind = IT_IO_FIN, .flow = g->flow};
    (void)it_upnp_server_input(g->s, g->now, &in);
    ck_assert_int_eq(sscanf(g->reply, "HTTP/1.1 %d", &status), 1);
    return status;
}

/* Calls action |name| of WANIPConnection:|version|. */
static inline int igd_act(igd *g, const char *from, int version, const char *name, const char *args)
{
    char text[3000], body[2000];
    snprintf(body, sizeof body, "<s:Envelope><s:Body><u:%s xmlns:u=\"x\">%s</u:%s></s:Body></s:Envelope>", name, args,
             name);
    snprintf(text, sizeof text,
             "POST /ctl HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nSOAPAction: "
             "\"urn:schemas-upnp-org:service:WANIPConnection:%d#%s\"\r\n\r\n%s",
             strlen(body), version, name, body);
    return igd_ask(g, from, text);
}

/* Maps |port| to the same one of |host|. */
static inline int igd_map(igd *g, const char *host, int port, int lease)
{
    char from[40], args[700];
    snprintf(from, sizeof from, "%s:40000", host);
    snprintf(args, sizeof args,
             "<NewRemoteHost></NewRemoteHost><NewExternalPort>%d</NewExternalPort><NewProtocol>UDP</"
             "NewProtocol><NewInternalPort>%d</NewInternalPort>"
             "<NewInternalClient>%s</NewInternalClient><NewEnabled>1</NewEnabled><NewPortMappingDescription>a &amp; "
             "b</NewPortMappingDescription>"
             "<NewLeaseDuration>%d</NewLeaseDuration>",
             port, port, host, lease);
    return igd_act(g, from, 1, "AddPortMapping", args);
}

/* What stands in element |name| of the answer; "(none)". */
static inline const char *igd_value(const igd *g, const char *name)
{
    static char text[4000];
    it_bytes t;
    if (!it_upnp_element(it_bytes_str(g->reply), name, &t) || t.n >= sizeof text)
        return "(none)";
    memcpy(text, t.p, t.n);
    text[t.n] = '\0';
    return text;
}

#endif
