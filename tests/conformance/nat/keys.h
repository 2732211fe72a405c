/* The walk over a table of profile keys, for the tests that ask of each key what it does. */
#ifndef IT_TESTS_CONFORMANCE_NAT_KEYS_H
#define IT_TESTS_CONFORMANCE_NAT_KEYS_H

#include "lab/profile/impl.h"

#include <stdio.h>

/* Calls |leaf| with the path of every key of |t|, "udp.timeout.initial", that has a value of its own; returns how many
 * there are. The key of a firewall's protocol has one, a word, or a table. */
static inline int keys_walk(const it_key *t, const char *path, void (*leaf)(const char *path))
{
    int n = 0;
    for (; t->name; t++) {
        char at[128];
        snprintf(at, sizeof at, "%s%s%s", path, *path ? "." : "", t->name);
        bool table = t->kind == IT_KEY_TABLE || t->kind == IT_KEY_LIMITS;
        if (!table) {
            leaf(at);
            n++;
        }
        if (table || t->kind == IT_KEY_FWPROTO)
            n += keys_walk(t->arg, at, leaf);
    }
    return n;
}

#endif
