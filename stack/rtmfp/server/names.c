/* What is published under which name, and to whom it goes (RFC 7425 section 5.3.5). A name may be played before
 * anybody publishes it. */
#include "stack/rtmfp/server/impl.h"

/* The list where |name| is, if it is anywhere. */
static it_rtmfp_name **name_list(it_rtmfp_server *s, it_bytes name)
{
    uint64_t h = s->salt;
    for (size_t i = 0; i < name.n; i++)
        h = it_hash_mix(h, name.p[i]);
    return &s->names[h % IT_RTMFP_NAMES];
}

/* The entry of |name|, made where it is missing; NULL: no memory. */
static it_rtmfp_name *name_get(it_rtmfp_server *s, it_bytes name)
{
    it_rtmfp_name **list = name_list(s, name), *e;
    for (e = *list; e; e = e->next)
        if (it_bytes_eq(name, it_bytes_of(e->text, e->n)))
            return e;
    e = it_calloc(s->alloc, 1, sizeof *e);
    if (!e)
        return NULL;
    memcpy(e->text, name.p, name.n);
    e->n = name.n;
    e->next = *list;
    *list = e;
    return e;
}

/* Frees |e| unless somebody needs it. */
static void name_drop(it_rtmfp_server *s, it_rtmfp_name *e)
{
    it_rtmfp_name **at = name_list(s, it_bytes_of(e->text, e->n));
    if (e->publisher || e->players)
        return;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    it_free(s->alloc, e);
}

/* Tells a player that media begins, or that it has ended. */
static int name_tell(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, bool begins)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    it_rtmfp_control c = {.event = begins ? IT_RTMFP_STREAM_BEGIN : IT_RTMFP_STREAM_EOF, .a = x->no};
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_control_put(&b, &c);
    return it_rtmfp_stream_write(s, now, x, 0, it_bytes_of(b.p, b.len), NULL);
}

/* A publisher has come to |e|, or gone. */
static int name_notify(it_rtmfp_server *s, it_time now, it_rtmfp_name *e, bool begins)
{
    enum it_rtmfp_code code = begins ? IT_RTMFP_PLAY_PUBLISH : IT_RTMFP_PLAY_UNPUBLISH;
    int first = 0;
    for (it_rtmfp_netstream *x = e->players; x; x = x->next) {
        int err = it_rtmfp_stream_status(s, now, x, code);
        if (err == 0)
            err = name_tell(s, now, x, begins);
        if (first == 0)
            first = err;
    }
    return first;
}

int it_rtmfp_name_publish(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, it_bytes name)
{
    it_rtmfp_name *e = name_get(s, name);
    if (!e)
        return IT_ERR_NOMEM;
    if (e->publisher)
        return it_rtmfp_stream_status(s, now, x, IT_RTMFP_PUBLISH_BAD_NAME);
    e->publisher = x;
    x->role = IT_RTMFP_PUBLISHES;
    x->name = e;
    s->stats.published++;
    int err = it_rtmfp_stream_status(s, now, x, IT_RTMFP_PUBLISH_START);
    return err ? err : name_notify(s, now, e, true);
}

int it_rtmfp_name_play(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, it_bytes name)
{
    it_rtmfp_name *e = name_get(s, name);
    if (!e)
        return IT_ERR_NOMEM;
    x->role = IT_RTMFP_PLAYS;
    x->name = e;
    x->next = e->players;
    e->players = x;
    s->stats.played++;
    int err = it_rtmfp_stream_status(s, now, x, IT_RTMFP_PLAY_RESET);
    if (err == 0)
        err = it_rtmfp_stream_status(s, now, x, IT_RTMFP_PLAY_START);
    if (err == 0 && e->publisher)
        err = name_tell(s, now, x, true);
    return err;
}

int it_rtmfp_name_leave(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x)
{
    it_rtmfp_name *e = x->name;
    int err = 0;
    if (x->role == IT_RTMFP_PUBLISHES) {
        e->publisher = NULL;
        err = name_notify(s, now, e, false);
    } else if (x->role == IT_RTMFP_PLAYS) {
        it_rtmfp_netstream **at = &e->players;
        while (*at != x)
            at = &(*at)->next;
        *at = x->next;
    }
    x->role = IT_RTMFP_IDLE;
    x->name = NULL;
    x->next = NULL;
    if (e)
        name_drop(s, e);
    return err;
}

int it_rtmfp_name_relay(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, uint8_t type, it_bytes message)
{
    it_rtmfp_write_opts o = {.until = s->cfg.lifetime ? now + s->cfg.lifetime : 0};
    int class = it_rtmfp_class(type), first = 0;
    for (it_rtmfp_netstream *p = x->name->players; p; p = p->next) {
        int err = it_rtmfp_stream_write(s, now, p, class, message, class ? &o : NULL);
        if (first == 0)
            first = err;
    }
    return first;
}

void it_rtmfp_names_free(it_rtmfp_server *s)
{
    for (int i = 0; i < IT_RTMFP_NAMES; i++)
        for (it_rtmfp_name *e = s->names[i], *next; e; e = next) {
            next = e->next;
            it_free(s->alloc, e);
        }
}
