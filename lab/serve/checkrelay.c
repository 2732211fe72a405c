/* The relay that answers checks on real sockets: one object over UDP behind the rate limit, whose rooms are made when
 * it starts and last as long as it. Who is to use them is told by their credentials, a line a room and end. */
#include "lab/serve/serve.h"

#include "stack/checkrelay/relay.h"

#include <inttypes.h>
#include <stdio.h>

#define ROOM_LIFE (IT_SEC * 86400 * 36500) /* without a check */
#define ROOM_RATE 1250000u                 /* bytes a second that a room passes: 10 Mbit/s */

_Static_assert(IT_SERVE_ROOMS == IT_CHECK_RELAY_ROOMS, "as many rooms as there may be");

/* --- the log --- */

static void relay_news(void *o, it_serve_log *log)
{
    char at[IT_ADDR_TEXT];
    it_check_relay_tale t;
    while (it_check_relay_tale_next(o, &t))
        it_serve_log_line(log, "checkrelay: end %d of room %zu is at %s", t.end + 1, t.room + 1,
                          it_addr_text(t.at, at));
}

static void relay_sum(void *o, it_serve_log *log)
{
    const it_check_relay_stats *s = it_check_relay_stats_of(o);
    it_serve_log_line(log,
                      "checkrelay: %" PRIu64 " checks, %" PRIu64 " refused; %" PRIu64 " datagrams (%" PRIu64
                      " bytes) relayed, %" PRIu64 " dropped",
                      s->checks, s->refused, s->relayed, s->bytes, s->dropped);
}

/* --- starting --- */

/* Makes the rooms and says what their ends are told. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
static int make_rooms(const it_serve_cfg *cfg, it_check_relay *r)
{
    it_check_relay_end end[2];
    char line[256];
    int err = 0;
    for (size_t i = 1; i <= cfg->rooms && err == 0; i++) {
        err = it_check_relay_room(r, it_loop_now(cfg->loop), end);
        for (int k = 0; k < 2 && err == 0 && cfg->tell; k++) {
            (void)snprintf(line, sizeof line, "room %zu end %d %s %s %s %s", i, k + 1, end[k].ufrag[0], end[k].pwd[0],
                           end[k].ufrag[1], end[k].pwd[1]);
            cfg->tell(cfg->self, line);
        }
    }
    return err;
}

static it_check_relay *new_relay(const it_serve_cfg *cfg)
{
    it_check_relay_cfg c = {.alloc = cfg->alloc, .rooms = cfg->rooms, .idle = ROOM_LIFE, .rate = ROOM_RATE};
    /* All of the generator's state is the system's: whoever could guess a password could be an end. */
    for (size_t i = 0; i < sizeof c.rng.s / sizeof *c.rng.s; i++)
        if (it_loop_seed(&c.rng.s[i]) < 0)
            return NULL;
    return it_check_relay_new(&c);
}

int it_serve_checkrelay(const it_serve_cfg *cfg, it_addr *bad)
{
    it_loop_app_cfg app = {.name = "checkrelay", .bases = cfg->addrs, .n_bases = cfg->n_addrs, .loopback = true};
    it_check_relay *r = new_relay(cfg);
    if (!r)
        return IT_ERR_NOMEM;
    it_serve_log_cfg log = {
        .name = "checkrelay", .ops = &it_check_relay_ops, .inner = r, .news = relay_news, .sum = relay_sum};
    it_limit *l = it_serve_logged(cfg, cfg->seed, log);
    if (!l)
        return IT_ERR_NOMEM;
    app.bound = cfg->bound;
    app.self = cfg->self;
    int err = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    return err < 0 ? err : make_rooms(cfg, r);
}
