/* The stages in which a stream opens: which one it is in, and how long that may last. */
#include "stack/proxy/stage.h"

#include "stack/proxy/via.h"
#include "stack/tls/tls.h"

typedef struct stage_trips {
    int answer, all;
} stage_trips;

static const stage_trips TRIPS[] = {
    [IT_STAGE_STREAM] = {1, 1}, [IT_STAGE_PROXY] = {2, 4}, [IT_STAGE_TLS] = {1, 2}, [IT_STAGE_UPGRADE] = {1, 1}};

static enum it_stage stage_of(const it_stream *s, const it_layer *via, const it_layer *tls)
{
    if (s->state != IT_STREAM_OPEN)
        return IT_STAGE_STREAM;
    if (via->ops && it_via_client(via)->state != IT_VIA_OPEN)
        return IT_STAGE_PROXY;
    if (tls->ops && !it_tls_layer_info(tls)->open)
        return IT_STAGE_TLS;
    return IT_STAGE_UPGRADE;
}

void it_stages_begin(it_stages *g, it_time now)
{
    *g = (it_stages){.at = IT_STAGE_STREAM, .since = now, .heard = now};
}

void it_stages_heard(it_stages *g, it_time now, const it_stream *s, const it_layer *via, const it_layer *tls)
{
    enum it_stage at = stage_of(s, via, tls);
    g->heard = now;
    if (at <= g->at)
        return;
    g->at = at;
    g->since = now;
}

it_time it_stages_due(const it_stages *g, it_time trip)
{
    it_time answer = g->heard + TRIPS[g->at].answer * trip, all = g->since + TRIPS[g->at].all * trip;
    return answer < all ? answer : all;
}
