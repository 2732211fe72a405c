/* Lines in, operations, lines out. */
#include "lab/itp/peer_impl.h"

#include <stdio.h>
#include <string.h>

/* --- lines in --- */

static int take_json(it_itp_peer *p, it_bytes line)
{
    json_error_t e;
    size_t blank = 0;
    while (blank < line.n && strchr(" \t\r", line.p[blank]) && line.p[blank])
        blank++;
    if (blank == line.n)
        return 0;
    json_t *m = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, &e);
    int err = 0;
    if (!m) {
        char why[256];
        snprintf(why, sizeof why, "this line is no JSON: column %d: %.200s", e.column, e.text);
        itp_peer_error(p, NULL, why);
    } else if (!json_is_object(m)) {
        itp_peer_error(p, NULL, "this line is no JSON object");
    } else {
        err = itp_peer_op(p, m);
    }
    json_decref(m);
    return err;
}

static int take_line(it_itp_peer *p, it_bytes line)
{
    int err = p->talk ? it_talk_line(p->talk, line) : take_json(p, line);
    if (err == 0)
        err = it_loop_flush(p->cfg.loop);
    return err == 0 && p->out.oom ? IT_ERR_NOMEM : err;
}

/* Adds |part| to the line that has begun. */
static void add_part(it_itp_peer *p, it_bytes part)
{
    if (p->skip)
        return;
    if (p->line.n + part.n > IT_ITP_LINE) {
        itp_peer_error(p, NULL, "this line is longer than 131072 bytes");
        p->skip = true;
        return;
    }
    it_str_put(&p->line, part.p, part.n);
}

static int end_line(it_itp_peer *p)
{
    int err = 0;
    if (p->line.oom)
        return IT_ERR_NOMEM;
    if (!p->skip)
        err = take_line(p, it_bytes_of(p->line.p, p->line.n));
    it_str_clear(&p->line);
    p->skip = false;
    return err;
}

int it_itp_peer_input(it_itp_peer *p, it_bytes in)
{
    int err = 0;
    while (in.n && err == 0) {
        const uint8_t *nl = memchr(in.p, '\n', in.n);
        size_t n = nl ? (size_t)(nl - in.p) : in.n;
        add_part(p, it_bytes_of(in.p, n));
        if (nl)
            err = end_line(p);
        n += nl != NULL;
        in = it_bytes_of(in.p + n, in.n - n);
    }
    return err == 0 && (p->line.oom || p->out.oom) ? IT_ERR_NOMEM : err;
}

int it_itp_peer_eof(it_itp_peer *p)
{
    int err = end_line(p);
    for (int i = 0; i < IT_ITP_SESSIONS; i++)
        if (p->sessions[i].id[0])
            itp_peer_close(p, &p->sessions[i]);
    if (p->talk)
        it_talk_close(p->talk);
    return err < 0 ? err : it_loop_flush(p->cfg.loop);
}

/* --- its owner --- */

it_itp_peer *it_itp_peer_new(const it_itp_peer_cfg *cfg)
{
    it_itp_peer *p = it_calloc(cfg->alloc, 1, sizeof *p);
    if (!p)
        return NULL;
    p->cfg = *cfg;
    p->alloc = cfg->alloc;
    it_str_init(&p->line, p->alloc);
    it_str_init(&p->out, p->alloc);
    if (!cfg->talk)
        return p;
    p->talk = it_talk_new(cfg, &p->out);
    if (p->talk)
        return p;
    it_itp_peer_free(p);
    return NULL;
}

void it_itp_peer_free(it_itp_peer *p)
{
    if (!p)
        return;
    for (int i = 0; i < IT_ITP_SESSIONS; i++)
        if (p->sessions[i].id[0])
            itp_peer_close(p, &p->sessions[i]);
    it_talk_free(p->talk);
    it_str_fini(&p->line);
    it_str_fini(&p->out);
    it_free(p->alloc, p);
}

it_bytes it_itp_peer_output(const it_itp_peer *p)
{
    return it_bytes_of(p->out.p + p->written, p->out.n - p->written);
}

void it_itp_peer_written(it_itp_peer *p, size_t n)
{
    p->written += n;
    if (p->written == 0 || p->written < p->out.n / 2)
        return;
    memmove(p->out.p, p->out.p + p->written, p->out.n - p->written);
    it_str_cut(&p->out, p->out.n - p->written);
    p->written = 0;
}

bool it_itp_peer_hears(const it_itp_peer *p)
{
    return p->out.n - p->written < IT_ITP_BEHIND / 2;
}

it_time it_itp_peer_next(const it_itp_peer *p)
{
    return p->talk ? it_talk_next(p->talk) : IT_NEVER;
}

int it_itp_peer_tick(it_itp_peer *p)
{
    if (p->talk)
        it_talk_tick(p->talk);
    return p->out.oom ? IT_ERR_NOMEM : 0;
}

bool it_itp_peer_over(const it_itp_peer *p, bool *well)
{
    return p->talk && it_talk_over(p->talk, well);
}
