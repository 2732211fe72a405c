/* lab/judge/oracle/kinds.c: what an end is seen by when either side may be the first, by hand. */
#include "lab/judge/oracle/impl.h"

#include <check.h>
#include <stdlib.h>

#define BIT(l, r) (1u << (4 * IT_ORACLE_##l + IT_ORACLE_##r))

static const struct {
    uint8_t mapping[2]; /* of the near and the far NAT; 3: there is none */
    bool one2one;
    uint32_t pairs, out;
} ROWS[] = {
    {{3, 3}, false, BIT(HOST, HOST), BIT(HOST, HOST)},
    {{3, IT_ORACLE_APD}, false, BIT(HOST, SRFLX), BIT(HOST, SRFLX) | BIT(HOST, PRFLX)},
    {{3, IT_ORACLE_EI}, false, BIT(HOST, SRFLX), BIT(HOST, SRFLX)},
    {{IT_ORACLE_AD, IT_ORACLE_EI}, false, BIT(SRFLX, SRFLX), BIT(SRFLX, SRFLX) | BIT(PRFLX, SRFLX)},
    {{IT_ORACLE_AD, IT_ORACLE_EI}, false, BIT(PRFLX, SRFLX), BIT(SRFLX, SRFLX) | BIT(PRFLX, SRFLX)},
    {{IT_ORACLE_AD, IT_ORACLE_AD},
     false,
     BIT(SRFLX, SRFLX),
     BIT(SRFLX, SRFLX) | BIT(PRFLX, SRFLX) | BIT(SRFLX, PRFLX) | BIT(PRFLX, PRFLX)},
    {{IT_ORACLE_APD, 3}, true, BIT(SRFLX, HOST), BIT(SRFLX, HOST)}, /* RFC 3022 section 2.1: the port stays */
};

START_TEST(who_is_behind_a_box_that_maps_by_destination_has_two_names)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        static it_oracle_query q;
        memset(&q, 0, sizeof q);
        for (int i = 0; i < 2; i++) {
            q.side[i].n_bases = 1;
            if (ROWS[_i].mapping[i] == 3)
                continue;
            it_oracle_nat *n = &q.box[q.n_boxes].u.nat;
            q.box[q.n_boxes].kind = IT_ORACLE_NAT;
            n->mapping = tcp ? IT_ORACLE_EI : ROWS[_i].mapping[i]; /* each protocol has its own */
            n->tcp.mapping = tcp ? ROWS[_i].mapping[i] : IT_ORACLE_EI;
            n->one2one = ROWS[_i].one2one;
            q.side[i].base[0].net = (uint8_t)++q.n_boxes;
        }
        ck_assert_uint_eq(it_orc_either_first(&q, 0, tcp, ROWS[_i].pairs), ROWS[_i].out);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/judge/oracle/kinds");
    TCase *c = tcase_create("RFC 4787 section 4.1");
    tcase_add_loop_test(c, who_is_behind_a_box_that_maps_by_destination_has_two_names, 0, sizeof ROWS / sizeof *ROWS);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
