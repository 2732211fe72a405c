/* itp/1 adapter for libre, one session. Build: cc re.c $(pkg-config --cflags --libs libre) */
#include "itp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HAVE_INET6
#include <re.h>

typedef struct adapter {
    struct icem *ice;
    struct udp_sock *socket;
    struct stun_ctrans *asked;
    struct sa stun;
    bool have_stun;
    char ufrag[9], pwd[25];
    char in[200000];
    size_t n;
} adapter;

static void tell_cand(const struct ice_cand_attr *c)
{
    char text[256];
    if (re_snprintf(text, sizeof text, "%H", ice_cand_attr_encode, c) > 0)
        itp_event("cand", "#id", "1", "#comp", "1", "c", text);
}

static void tell_error(const char *op, int err)
{
    if (err)
        itp_event("error", "#id", "1", "op", op, "why", strerror(err));
}

/* The checks ended. */
static void on_checks(int err, bool update, void *self)
{
    adapter *a = self;
    char l[64], r[64];
    (void)update;
    const struct ice_cand *far = icem_selected_rcand(a->ice, 1);
    if (err || !far) {
        itp_event("state", "#id", "1", "s", "failed", "why", strerror(err));
        return;
    }
    re_snprintf(l, sizeof l, "%J", icem_selected_laddr(a->ice, 1));
    re_snprintf(r, sizeof r, "%J", icem_lcand_addr(far));
    itp_event("selected", "#id", "1", "#comp", "1", "l", l, "r", r);
    itp_event("state", "#id", "1", "s", "completed");
}

static void on_data(const struct sa *from, struct mbuf *mb, void *self)
{
    static char text[90000];
    (void)from, (void)self;
    itp_text(mbuf_buf(mb), mbuf_get_left(mb), text);
    itp_event("data", "#id", "1", "#comp", "1", "b64", text);
}

static void on_stun(int err, uint16_t code, const char *reason, const struct stun_msg *msg, void *self)
{
    adapter *a = self;
    (void)reason;
    struct stun_attr *mapped = err || code ? NULL : stun_msg_attr(msg, STUN_ATTR_XOR_MAPPED_ADDR);
    struct le *first = list_head(icem_lcandl(a->ice));
    if (mapped && first && !icem_cand_find(icem_lcandl(a->ice), 1, &mapped->v.sa)) {
        struct ice_cand_attr c = {.foundation = "2", .compid = 1, .proto = IPPROTO_UDP, .type = ICE_CAND_TYPE_SRFLX};
        c.prio = ice_cand_calc_prio(c.type, 0, 1);
        c.addr = mapped->v.sa;
        c.rel_addr = *icem_lcand_addr(first->data);
        tell_error("gather", icem_lcand_add(a->ice, first->data, c.type, &c.addr));
        tell_cand(&c);
    }
    itp_event("gathered", "#id", "1");
}

static void op_create(adapter *a, const char *line)
{
    char role[32], stun[128];
    struct sa any;
    itp_get(line, "role", role, sizeof role);
    a->have_stun = itp_get(line, "stun", stun, sizeof stun) && sa_decode(&a->stun, stun, strlen(stun)) == 0;
    rand_str(a->ufrag, sizeof a->ufrag);
    rand_str(a->pwd, sizeof a->pwd);
    sa_set_str(&any, "0.0.0.0", 0);
    int err =
        icem_alloc(&a->ice, ICE_MODE_FULL, strcmp(role, "controlling") ? ICE_ROLE_CONTROLLED : ICE_ROLE_CONTROLLING,
                   IPPROTO_UDP, 0, rand_u64(), a->ufrag, a->pwd, on_checks, a);
    err = err ? err : udp_listen(&a->socket, &any, on_data, a);
    err = err ? err : icem_comp_add(a->ice, 1, a->socket);
    tell_error("create", err);
}

static bool add_address(const char *name, const struct sa *ip, void *self)
{
    adapter *a = self;
    struct sa own;
    if (sa_af(ip) != AF_INET || sa_is_loopback(ip) || udp_local_get(a->socket, &own))
        return false;
    struct ice_cand_attr c = {.compid = 1, .proto = IPPROTO_UDP, .type = ICE_CAND_TYPE_HOST, .addr = *ip};
    sa_set_port(&c.addr, sa_port(&own));
    re_snprintf(c.foundation, sizeof c.foundation, "%08x", sa_hash(ip, SA_ADDR));
    c.prio = ice_cand_calc_prio(c.type, 0, 1);
    tell_error("gather", icem_cand_add(a->ice, 1, 0, name, &c.addr));
    tell_cand(&c);
    return false;
}

static void op_gather(adapter *a, const char *line)
{
    (void)line;
    itp_event("local", "#id", "1", "ufrag", a->ufrag, "pwd", a->pwd);
    net_if_apply(add_address, a);
    int err = a->have_stun ? stun_request(&a->asked, icem_stun(a->ice), IPPROTO_UDP, a->socket, &a->stun, 0,
                                          STUN_METHOD_BINDING, NULL, 0, false, on_stun, a, 0)
                           : 0;
    tell_error("gather", err);
    if (!a->have_stun || err)
        itp_event("gathered", "#id", "1");
}

static void op_remote(adapter *a, const char *line)
{
    char ufrag[300], pwd[300], lite[8];
    itp_get(line, "ufrag", ufrag, sizeof ufrag);
    itp_get(line, "pwd", pwd, sizeof pwd);
    tell_error("remote", icem_sdp_decode(a->ice, ice_attr_ufrag, ufrag));
    tell_error("remote", icem_sdp_decode(a->ice, ice_attr_pwd, pwd));
    if (itp_get(line, "lite", lite, sizeof lite) && atoi(lite))
        tell_error("remote", ice_sdp_decode(a->ice, ice_attr_lite, NULL));
}

static void op_send(adapter *a, const char *line)
{
    static char text[90000];
    const struct ice_cand *far = icem_selected_rcand(a->ice, 1);
    struct mbuf *mb = mbuf_alloc(68000);
    itp_get(line, "b64", text, sizeof text);
    mb->end = itp_bytes(text, mb->buf);
    tell_error("send", far ? udp_send(a->socket, icem_lcand_addr(far), mb) : ENOTCONN);
    mem_deref(mb);
}

static void op_hello(adapter *a, const char *line)
{
    (void)a, (void)line;
    itp_event("hello", "#v", "1", "impl", "libre", "version", sys_libre_version_get(), "mode", "live", "caps",
              "agent,stun", "profile", "5245");
}

static void op_rcand(adapter *a, const char *line)
{
    char text[512];
    bool there = itp_get(line, "c", text, sizeof text);
    tell_error("rcand", there ? icem_sdp_decode(a->ice, ice_attr_cand, text) : EINVAL);
}

/* Checks begin with start, and nothing comes after. */
static void op_eoc(adapter *a, const char *line)
{
    (void)a, (void)line;
}

static void op_start(adapter *a, const char *line)
{
    (void)line;
    tell_error("start", icem_conncheck_start(a->ice));
}

static void op_close(adapter *a, const char *line)
{
    (void)line;
    a->ice = mem_deref(a->ice);
    a->socket = mem_deref(a->socket);
    itp_event("closed", "#id", "1");
}

static const struct {
    const char *name;
    bool session; /* it needs one */
    void (*run)(adapter *a, const char *line);
} OPS[] = {{"hello", false, op_hello},  {"create", false, op_create}, {"gather", true, op_gather},
           {"remote", true, op_remote}, {"rcand", true, op_rcand},    {"eoc", true, op_eoc},
           {"start", true, op_start},   {"send", true, op_send},      {"close", true, op_close}};

static void do_line(adapter *a, const char *line)
{
    char op[32];
    itp_get(line, "op", op, sizeof op);
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        if (strcmp(op, OPS[i].name) != 0)
            continue;
        if (OPS[i].session && !a->ice)
            itp_event("error", "op", op, "why", "there is no session");
        else
            OPS[i].run(a, line);
        return;
    }
    itp_event("unsupported", "op", op);
}

static void on_input(int flags, void *self)
{
    adapter *a = self;
    (void)flags;
    ssize_t got = read(0, a->in + a->n, sizeof a->in - 1 - a->n);
    if (got <= 0) {
        re_cancel();
        return;
    }
    a->in[a->n += (size_t)got] = '\0';
    for (char *end; (end = strchr(a->in, '\n'));) {
        *end++ = '\0';
        do_line(a, a->in);
        a->n -= (size_t)(end - a->in);
        memmove(a->in, end, a->n + 1);
    }
}

int main(void)
{
    static adapter a;
    libre_init();
    fd_listen(0, FD_READ, on_input, &a);
    re_main(NULL);
    return 0;
}
