/* From nodes and links to the columns of a ladder. */
#include "reports/read/trace_impl.h"

#include <stdio.h>
#include <string.h>

#define FAR_AWAY 1000

int it_rtrace_node(const it_rtrace *t, const char *name)
{
    for (int i = 0; i < t->n_nodes; i++)
        if (strcmp(t->nodes[i].name, name) == 0)
            return i;
    return -1;
}

static bool word_is(const it_rtrace *t, int i, const char *what)
{
    return strcmp(t->nodes[i].what, what) == 0;
}

/* Links from every node to |from|, segments included. */
static void distances(const it_rtrace *t, int from, int d[IT_RTRACE_NODES])
{
    for (int i = 0; i < t->n_nodes; i++)
        d[i] = FAR_AWAY;
    d[from] = 0;
    for (int round = 0; round < t->n_nodes; round++)
        for (size_t k = 0; k < t->n_links; k++) {
            int a = t->links[k].a, b = t->links[k].b;
            if (d[a] + 1 < d[b])
                d[b] = d[a] + 1;
            if (d[b] + 1 < d[a])
                d[a] = d[b] + 1;
        }
}

/* The middle: the router with most links. -1 when there is none. */
static int middle(const it_rtrace *t)
{
    int best = -1, most = -1;
    for (int i = 0; i < t->n_nodes; i++) {
        int n = 0;
        for (size_t k = 0; k < t->n_links; k++)
            n += t->links[k].a == i || t->links[k].b == i;
        if (word_is(t, i, "router") && n > most) {
            best = i;
            most = n;
        }
    }
    return best;
}

/* Gives node |b|, which a wire joins to |a|, the side |side| of |a| if it is nearer to the middle by |d|. */
static void world_step(it_rtrace *t, int a, int b, int side, const int d[IT_RTRACE_NODES])
{
    if (t->nodes[a].side != side || t->nodes[b].side)
        return;
    if (d[b] >= d[a] || d[b] == 0)
        return;
    t->nodes[b].side = side;
    t->nodes[b].on_way = !word_is(t, b, "lan");
}

/* Gives |node| side |side| and, from there towards the middle, all that is nearer to it by |d|. */
static void walk(it_rtrace *t, int node, int side, const int d[IT_RTRACE_NODES])
{
    t->nodes[node].side = side;
    t->nodes[node].on_way = !word_is(t, node, "lan");
    for (int round = 0; round < t->n_nodes; round++)
        for (size_t k = 0; k < t->n_links; k++) {
            world_step(t, t->links[k].a, t->links[k].b, side, d);
            world_step(t, t->links[k].b, t->links[k].a, side, d);
        }
}

/* The hosts that talk: as told, else the first two that no server is called like. */
static void guess_ends(it_rtrace *t)
{
    static const char *const SERVERS = " signal stun turn relay rendezvous checkrelay ";
    for (int i = 0; i < t->n_nodes; i++) {
        char word[IT_RTRACE_NAME + 2];
        const char *name = t->nodes[i].name;
        snprintf(word, sizeof word, " %s ", name);
        if (!word_is(t, i, "host") || strstr(SERVERS, word) || strcmp(name, t->ends[0]) == 0 ||
            strcmp(name, t->ends[1]) == 0)
            continue;
        if (!*t->ends[0])
            t->ends[0] = name;
        else if (!*t->ends[1])
            t->ends[1] = name;
    }
}

static void number(it_rtrace *t, int node)
{
    if (t->columns < IT_RTRACE_COLUMNS)
        t->nodes[node].column = t->columns++;
}

/* Numbers the nodes of |side| by their distance, from far to near for the left, from near to far for the right. */
static void number_side(it_rtrace *t, int side, const int d[IT_RTRACE_NODES])
{
    for (int step = 0; step < FAR_AWAY && step <= t->n_nodes; step++) {
        int want = side < 0 ? t->n_nodes - step : step;
        for (int i = 0; i < t->n_nodes; i++)
            if (t->nodes[i].side == side && t->nodes[i].on_way && d[i] == want)
                number(t, i);
    }
}

void it_rtrace_columns(it_rtrace *t)
{
    int d[IT_RTRACE_NODES];
    int hub = middle(t);
    guess_ends(t);
    int near = it_rtrace_node(t, t->ends[0]), far = it_rtrace_node(t, t->ends[1]);
    if (hub < 0)
        hub = near;
    if (hub < 0)
        return;
    distances(t, hub, d);
    if (near >= 0 && near != hub)
        walk(t, near, -1, d);
    if (far >= 0 && far != hub)
        walk(t, far, 1, d);
    number_side(t, -1, d);
    number(t, hub);
    t->nodes[hub].on_way = true;
    int between = t->nodes[hub].column;
    number_side(t, 1, d);
    for (int i = 0; i < t->n_nodes; i++) {
        if (t->nodes[i].column >= 0)
            continue;
        int best = between; /* a server is drawn at the internet, a segment at the box it belongs to */
        for (size_t k = 0; k < t->n_links && word_is(t, i, "lan"); k++) {
            int other = t->links[k].a == i ? t->links[k].b : t->links[k].b == i ? t->links[k].a : -1;
            if (other >= 0 && t->nodes[other].column >= 0 && !word_is(t, other, "host"))
                best = t->nodes[other].column;
        }
        t->nodes[i].column = best;
    }
}
