/* itp/1 adapter for libnice, one session. Build: cc nice.c $(pkg-config --cflags --libs nice) */
#include "itp.h"

#include <agent.h>
#include <stdlib.h>

typedef struct adapter {
    GMainLoop *loop;
    NiceAgent *agent;
    guint stream;
    bool lite;
    char remote[300]; /* the far side's user name fragment */
} adapter;

/* "a=candidate:" is not the candidate's. */
static void tell_cand(NiceAgent *agent, NiceCandidate *c, gpointer self)
{
    (void)self;
    gchar *text = nice_agent_generate_local_candidate_sdp(agent, c);
    itp_event("cand", "#id", "1", "#comp", "1", "c", text + strlen("a=candidate:"));
    g_free(text);
}

static void tell_local(adapter *a)
{
    gchar *ufrag, *pwd;
    nice_agent_get_local_credentials(a->agent, a->stream, &ufrag, &pwd);
    itp_event("local", "#id", "1", "ufrag", ufrag, "pwd", pwd, "#lite", a->lite ? "1" : "0");
    g_free(ufrag);
    g_free(pwd);
}

static void on_state(NiceAgent *agent, guint s, guint component, guint state, gpointer self)
{
    (void)agent, (void)s, (void)component, (void)self;
    static const char *const NAMES[] = {"disconnected", "gathering", "checking", "connected", "completed", "failed"};
    itp_event("state", "#id", "1", "s", NAMES[state]);
}

static void on_pair(NiceAgent *agent, guint s, guint component, NiceCandidate *l, NiceCandidate *r, gpointer self)
{
    (void)s, (void)component, (void)self;
    gchar *left = nice_agent_generate_local_candidate_sdp(agent, l);
    gchar *right = nice_agent_generate_local_candidate_sdp(agent, r);
    itp_event("selected", "#id", "1", "#comp", "1", "l", left + 12, "r", right + 12);
    g_free(left);
    g_free(right);
}

static void on_gathered(NiceAgent *agent, guint s, gpointer self)
{
    (void)agent, (void)s, (void)self;
    itp_event("gathered", "#id", "1");
}

static void on_data(NiceAgent *agent, guint s, guint component, guint n, gchar *p, gpointer self)
{
    (void)agent, (void)s, (void)component, (void)self;
    static char text[90000];
    itp_text((unsigned char *)p, n, text);
    itp_event("data", "#id", "1", "#comp", "1", "b64", text);
}

/* "turn:ADDRESS:PORT?transport=udp,USER,PASSWORD" */
static void set_relay(adapter *a, const char *line)
{
    char turn[256], host[64], transport[8], user[64], password[64];
    unsigned port;
    if (!itp_get(line, "turn", turn, sizeof turn) ||
        sscanf(turn, "turn:%63[^:]:%u?transport=%7[^,],%63[^,],%63s", host, &port, transport, user, password) != 5)
        return;
    NiceRelayType type = strcmp(transport, "tcp") == 0 ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
    nice_agent_set_relay_info(a->agent, a->stream, 1, host, port, user, password, type);
}

static void op_create(adapter *a, const char *line)
{
    char role[32], stun[128], lite[8], tcp[64], udp[8];
    bool any_tcp = itp_get(line, "tcp", tcp, sizeof tcp) && tcp[0]; /* active and passive: it makes both or none */
    bool no_udp = itp_get(line, "udp", udp, sizeof udp) && !atoi(udp);
    itp_get(line, "role", role, sizeof role);
    a->lite = itp_get(line, "lite", lite, sizeof lite) && atoi(lite);
    a->agent =
        nice_agent_new_full(NULL, NICE_COMPATIBILITY_RFC5245,
                            NICE_AGENT_OPTION_REGULAR_NOMINATION | NICE_AGENT_OPTION_ICE_TRICKLE |
                                NICE_AGENT_OPTION_CONSENT_FRESHNESS | (a->lite ? NICE_AGENT_OPTION_LITE_MODE : 0));
    g_object_set(a->agent, "controlling-mode", strcmp(role, "controlling") == 0, "upnp", FALSE, "ice-tcp", any_tcp,
                 "ice-udp", !no_udp, NULL);
    char *colon = itp_get(line, "stun", stun, sizeof stun) ? strrchr(stun, ':') : NULL;
    if (colon) {
        *colon = '\0';
        g_object_set(a->agent, "stun-server", stun, "stun-server-port", atoi(colon + 1), NULL);
    }
    g_signal_connect(a->agent, "component-state-changed", G_CALLBACK(on_state), a);
    g_signal_connect(a->agent, "new-selected-pair-full", G_CALLBACK(on_pair), a);
    g_signal_connect(a->agent, "new-candidate-full", G_CALLBACK(tell_cand), a);
    g_signal_connect(a->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), a);
    a->stream = nice_agent_add_stream(a->agent, 1);
    nice_agent_set_stream_name(a->agent, a->stream, "application");
    set_relay(a, line);
    nice_agent_attach_recv(a->agent, a->stream, 1, NULL, on_data, a);
}

static void op_gather(adapter *a, const char *line)
{
    (void)line;
    tell_local(a);
    nice_agent_gather_candidates(a->agent, a->stream);
}

/* Sockets stay in a restart, and so do the candidates. */
static void op_restart(adapter *a, const char *line)
{
    (void)line;
    nice_agent_restart(a->agent);
    tell_local(a);
    GSList *all = nice_agent_get_local_candidates(a->agent, a->stream, 1);
    for (GSList *c = all; c; c = c->next)
        tell_cand(a->agent, c->data, a);
    g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
    itp_event("gathered", "#id", "1");
    a->remote[0] = '\0';
}

static void op_remote(adapter *a, const char *line)
{
    char ufrag[300], pwd[300];
    itp_get(line, "ufrag", ufrag, sizeof ufrag);
    itp_get(line, "pwd", pwd, sizeof pwd);
    if (a->remote[0] && strcmp(a->remote, ufrag) != 0) /* the far side has restarted */
        op_restart(a, line);
    strcpy(a->remote, ufrag);
    nice_agent_set_remote_credentials(a->agent, a->stream, ufrag, pwd);
}

static void op_rcand(adapter *a, const char *line)
{
    char text[600] = "a=candidate:";
    itp_get(line, "c", text + strlen(text), sizeof text - strlen(text));
    NiceCandidate *c = nice_agent_parse_remote_candidate_sdp(a->agent, a->stream, text);
    GSList *one = c ? g_slist_append(NULL, c) : NULL;
    if (one)
        nice_agent_set_remote_candidates(a->agent, a->stream, 1, one);
    g_slist_free_full(one, (GDestroyNotify)nice_candidate_free);
}

static void op_eoc(adapter *a, const char *line)
{
    (void)line;
    nice_agent_peer_candidate_gathering_done(a->agent, a->stream);
}

static void op_start(adapter *a, const char *line)
{
    (void)a, (void)line; /* checks begin with the remote candidates */
}

static void op_send(adapter *a, const char *line)
{
    static char text[90000];
    static unsigned char data[68000];
    itp_get(line, "b64", text, sizeof text);
    size_t n = itp_bytes(text, data);
    if (nice_agent_send(a->agent, a->stream, 1, (guint)n, (char *)data) < 0)
        itp_event("error", "#id", "1", "op", "send", "why", "nice_agent_send");
}

static void op_close(adapter *a, const char *line)
{
    (void)line;
    g_clear_object(&a->agent);
    itp_event("closed", "#id", "1");
}

static void op_hello(adapter *a, const char *line)
{
    (void)a, (void)line;
    itp_event("hello", "#v", "1", "impl", "libnice", "version", NICE_VERSION, "mode", "live", "caps",
              "agent,stun,turn,turntcp,trickle,restart,lite,consent,ipv6,tcp", "profile", "5245");
}

static const struct {
    const char *name;
    void (*run)(adapter *a, const char *line);
} OPS[] = {{"hello", op_hello},     {"create", op_create}, {"gather", op_gather}, {"remote", op_remote},
           {"rcand", op_rcand},     {"eoc", op_eoc},       {"start", op_start},   {"send", op_send},
           {"restart", op_restart}, {"close", op_close}};

static void do_line(adapter *a, const char *line)
{
    char op[32];
    itp_get(line, "op", op, sizeof op);
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        if (strcmp(op, OPS[i].name) != 0)
            continue;
        if (i > 1 && !a->agent)
            itp_event("error", "#id", "1", "op", op, "why", "there is no session");
        else
            OPS[i].run(a, line);
        return;
    }
    itp_event("unsupported", "op", op);
}

static gboolean on_line(GIOChannel *in, GIOCondition condition, gpointer self)
{
    (void)condition;
    adapter *a = self;
    gchar *line = NULL;
    if (g_io_channel_read_line(in, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(a->loop);
        return FALSE;
    }
    do_line(a, line);
    g_free(line);
    return TRUE;
}

int main(void)
{
    adapter a = {.loop = g_main_loop_new(NULL, FALSE)};
    GIOChannel *in = g_io_channel_unix_new(0);
    g_io_add_watch(in, G_IO_IN | G_IO_HUP, on_line, &a);
    g_main_loop_run(a.loop);
    return 0;
}
