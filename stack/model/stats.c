/* The numbers of a connection, for results. */
#include "stack/model/conn.h"

bool it_conn_get_media(const it_conn *c, int flow, it_media_stats *s)
{
    return c->channel.ops && c->channel.ops->stats && c->channel.ops->stats(c->channel.o, flow, s);
}

/* The numbers of media that is RTP, in place of those of our own voice. */
static void stats_of_rtp(const it_media_stats *m, it_conn_stats *s)
{
    s->sent += m->sent;
    s->received += m->received;
    s->voice_sent = m->sent;
    s->voice_received = m->received;
    s->duplicate = m->duplicate;
    s->late = m->late;
    s->lost = m->lost;
    s->longest_gap = m->longest_gap;
}

void it_conn_get_stats(const it_conn *c, int flow, it_conn_stats *s)
{
    it_media_stats media;
    const it_conn_flow *f = &c->flow[flow];
    *s = c->stats;
    s->sent = f->sent;
    s->received = f->received + f->rx.received;
    s->voice_sent = f->voice_sent;
    s->voice_received = f->rx.received;
    s->t_first_media = f->t_first_media;
    s->duplicate = f->rx.duplicate;
    s->late = f->rx.late;
    s->lost = it_voice_lost(&f->rx);
    s->voice_due = f->tx.seq;
    s->voice_due_at = f->tx.last;
    s->voice_next = f->rx.any ? (uint64_t)f->rx.highest + 1 : 0;
    s->longest_gap = f->rx.longest_gap;
    s->freeze_silent = c->live.freeze;
    s->patience = c->live.patience;
    if (it_conn_get_media(c, flow, &media))
        stats_of_rtp(&media, s);
}
