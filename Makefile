# icetank: build, test and run. `make help` lists the targets.
#
# Everything is built outside the source folders, under build/. Variants have folders of their own, so they never mix:
#   make SAN=1 check     AddressSanitizer and UndefinedBehaviorSanitizer
#   make COV=1 check     what the tests have run of the code: a summary, and every line in build/cov/coverage/index.html
#   make SHARED=1        the library found at run time, by LD_LIBRARY_PATH: .ci/mutate changes it below the tests
#   make CC=clang        another compiler       make OPT=-O0   another optimisation level

CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
OPT ?= -O2
VARIANT := $(if $(SHARED),shared)$(if $(SAN),san)$(if $(COV),cov)$(if $(FUZZ),fuzz)$(if $(filter-out gcc,$(CC)),-$(notdir $(CC)))$(if $(filter-out -O2,$(OPT)),$(OPT))
B ?= build$(if $(VARIANT),/$(VARIANT))

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef $(if $(findstring gcc,$(CC)),-Wno-format-truncation) $(if $(CI),-Werror)
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE -g $(OPT) $(WARN) -I. -I$(B) -MMD -MP $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(LDFLAGS)
ifdef SAN
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_ALL += -fsanitize=address,undefined
endif
ifdef SHARED
CFLAGS_ALL += -fPIC -fno-semantic-interposition -g0
endif
ifdef COV
CFLAGS_ALL += --coverage
# Workers leave by _exit and ask the runtime for their counts (lab/run/pool.c), which is there only for who names it.
LDFLAGS_ALL += --coverage -Wl,-u,__gcov_dump
endif
ifdef FUZZ
CFLAGS_ALL += -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_ALL += -fsanitize=address,undefined
endif

# Every folder below these is a room; the library is all of them, the program adds the command line. The clock functions of the process
# are an object of their own: what is linked into a program replaces libc's, which a library must not do to whoever uses it.
# Adapters of other stacks are programs of their own, built against those (.ci/interop).
ROOMS := $(shell find base stack netsim lab conformance reports -type d ! -path 'conformance/adapters*')
CLOCK_SRC := stack/crypto/clock.c
INTEROP_MAIN := conformance/interop/main.c
CALL_MAIN := conformance/call/main.c
TURN_MAIN := conformance/turn/main.c
RTMFP_MAIN := conformance/rtmfp/main.c
LIB_SRC := $(filter-out $(CLOCK_SRC) $(INTEROP_MAIN) $(CALL_MAIN) $(TURN_MAIN) $(RTMFP_MAIN),$(sort $(foreach d,$(ROOMS),$(wildcard $(d)/*.c))))
CLI_SRC := $(sort $(wildcard cli/*.c))
GT_SRC := $(sort $(wildcard tests/groundtruth/*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
MUTATE := $(B)/tests/mutate/scenarios
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
TEST_SRC := $(sort $(shell find tests -name 'test_*.c'))
WIRESHARK := reports/wireshark/profiles/icetank/preferences reports/wireshark/profiles/icetank/colorfilters
DISSECTORS := reports/wireshark/plugins/rtmfp-dissector.lua
EMBED_SRC := netsim/profiles.lua conformance/nat/expected.txt $(sort $(wildcard lab/lang/lua/*.lua lab/lang/lua/models/*.lua lab/lang/lua/print/*.lua lab/lang/lua/study/*.lua scenarios/lib/*.lua reports/html/*.css reports/html/*.js)) \
  $(WIRESHARK) $(DISSECTORS)

# A line per step; the whole command with V=1.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-3s %s\n' $(1) $(2))

LIB := $(B)/libicetank.$(if $(SHARED),so,a)
obj = $(patsubst %,$(B)/%.o,$(1))
LIB_OBJ := $(call obj,$(LIB_SRC:.c=)) $(call obj,$(EMBED_SRC))
CLOCK_OBJ := $(call obj,$(CLOCK_SRC:.c=))
TEST_BIN := $(patsubst %.c,$(B)/%,$(TEST_SRC))
BENCH_BIN := $(patsubst %.c,$(B)/%,$(BENCH_SRC))
FUZZ_BIN := $(patsubst %.c,$(B)/%,$(FUZZ_SRC))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# The file of compiler flags is made by .ci/deps, which first installs what is missing; make then starts over by itself.
ifeq ($(filter help clean uninstall,$(MAKECMDGOALS)),)
-include $(B)/config.mk
endif
$(B)/config.mk: .ci/deps
	@mkdir -p $(@D)
	@.ci/deps "$(CC)" >$@.tmp && mv $@.tmp $@

.PHONY: all
all: $(B)/icetank ## build the program

$(B)/icetank: $(call obj,$(CLI_SRC:.c=)) $(CLOCK_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(B)/libicetank.a: $(LIB_OBJ)
	@rm -f $@
	@ar rcsD $@ $^

$(B)/libicetank.so: $(LIB_OBJ)
	$(Q)$(CC) $(LDFLAGS_ALL) -shared -Wl,-soname,libicetank.so -Wl,-Bsymbolic -o $@ $^ $(PKG_LIBS)

$(B)/%.o: %.c $(B)/config.mk
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# A data file becomes the bytes it_embed_NAME and their count it_embed_NAME_size, in the program itself.
define embed_rule
$$(B)/%.$(1).o: %.$(1) .ci/embed $$(B)/config.mk
	@mkdir -p $$(@D)
	@.ci/embed $$< >$$(B)/$$<.c
	$$(Q)$$(CC) $$(CFLAGS_ALL) -c -o $$@ $$(B)/$$<.c
endef
$(foreach ext,lua css js txt,$(eval $(call embed_rule,$(ext))))
$(B)/reports/wireshark/%.o: reports/wireshark/% .ci/embed $(B)/config.mk
	@mkdir -p $(@D)
	@.ci/embed $< >$(B)/$<.c
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $(B)/$<.c

# What tests are made of runs once and is compiled in a third of the time so; what they test is as it is shipped.
ifeq ($(OPT),-O2)
$(addsuffix .o,$(TEST_BIN) $(FUZZ_BIN)): OPT := -Og
endif
$(TEST_BIN): $(B)/tests/%: $(B)/tests/%.o $(CLOCK_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_CHECK) $(LDLIBS) $(PKG_LIBS)

# What is held against libsrtp2 is linked with it, and nothing else is.
$(B)/tests/stack/srtp/test_oracle $(B)/tests/bench/srtp: LDLIBS = $(PKG_SRTP)

$(MUTATE): $(B)/tests/mutate/scenarios.o $(CLOCK_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

GOLDEN := $(filter %/test_golden,$(TEST_BIN))
.PHONY: golden
golden: all $(GOLDEN) ## write anew what tests hold to the letter: results, pages, sentences of judges; read the difference
	@for t in $(GOLDEN); do GOLDEN=1 $$t >/dev/null || exit; done
	@GOLDEN=1 B=$(B) sh tests/cli/test_results.sh
	@git diff --stat -- '*/golden/*'

.PHONY: mutate
mutate: $(MUTATE) ## change every value of every scenario in turn: each must show; EVERY=50 FIRST=3 takes a sample
	@$(MUTATE) tests/mutate/known.txt $(or $(EVERY),1) $(or $(FIRST),0) $$(find scenarios -name '*.lua' ! -path '*/lib/*' ! -path '*/cases/*' ! -path '*/hypotheses/*' | LC_ALL=C sort)

.PHONY: mutate-code
mutate-code: ## change the code in COUNT=300 places, one at a time: tests must catch 90 % of all, 85 % of each room; SEED=1
	@.ci/mutate -n $(or $(COUNT),300) -r 10 -s $(or $(SEED),1) -g 90 -f 85

$(BENCH_BIN): $(B)/tests/bench/%: $(B)/tests/bench/%.o $(CLOCK_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS) $(PKG_LIBS)

# With FUZZ=1 (clang) a fuzz target is a libFuzzer program; otherwise it replays the files it is given.
$(FUZZ_BIN): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(if $(FUZZ),,$(B)/tests/fuzz/replay.o) $(CLOCK_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(if $(FUZZ),-fsanitize=fuzzer) -o $@ $^ $(PKG_LIBS)

.PHONY: check
check: all $(TEST_BIN) $(FUZZ_BIN) $(MUTATE) $(B)/interop/interop ## run every test, replay the fuzz corpora
	@B=$(B) .ci/check $(TEST_BIN) $(if $(FUZZ),,$(FUZZ_BIN))
	$(if $(COV),@.ci/coverage $(B) $(CC))

$(B)/tests/groundtruth/groundtruth: $(call obj,$(GT_SRC:.c=)) $(CLOCK_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

.PHONY: groundtruth
groundtruth: $(B)/tests/groundtruth/groundtruth ## compare our NATs and firewall with the kernel's, packet by packet, and by what real programs find (root); MODE=quick, firewall
	@.ci/may-skip groundtruth .ci/groundtruth $< $(MODE)

$(B)/interop/interop: $(call obj,$(INTEROP_MAIN:.c=)) $(CLOCK_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

.PHONY: interop
interop: all $(B)/interop/interop $(B)/interop/turn $(B)/interop/rtmfp ## our STUN, ICE, DTLS, TURN and RTMFP against libnice, aioice, pion, libre, aiortc, coturn and another RTMFP: docs/interop.md; MODE=quick, slow
	@B=$(B) .ci/may-skip interop .ci/interop $(MODE)
	@B=$(B) .ci/may-skip interop-turn .ci/interop-turn
	@B=$(B) .ci/may-skip interop-rtmfp .ci/interop-rtmfp
	@B=$(B) .ci/may-skip coturn-world .ci/coturn-world 't??-443'

$(B)/interop/call: $(call obj,$(CALL_MAIN:.c=))
$(B)/interop/turn: $(call obj,$(TURN_MAIN:.c=))
$(B)/interop/rtmfp: $(call obj,$(RTMFP_MAIN:.c=))
$(B)/interop/call $(B)/interop/turn $(B)/interop/rtmfp: $(CLOCK_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS)

.PHONY: coturn-world
coturn-world: all ## coturn in place of our TURN server in the same worlds, behind a TUN device: the same rung in each (root); docs/interop.md
	@B=$(B) .ci/may-skip coturn-world .ci/coturn-world

.PHONY: calls
calls: $(B)/interop/call ## whole audio calls of model B with aiortc, pion, Firefox and Chromium, offers from either side (root): docs/interop.md
	@B=$(B) .ci/may-skip calls conformance/call/calls.py

.PHONY: compare
compare: all ## compare the models over NATs, death and recovery: out/compare/index.html
	@$(B)/icetank run scenarios/compare --out out/compare
.PHONY: compare-full
compare-full: all ## the same at full size, and the populations: out/compare-full/index.html
	@$(B)/icetank run scenarios/compare scenarios/population tests/compare --out out/compare-full --pcap none

.PHONY: impair
impair: all ## every impairment of links, each with its prediction: out/impair/index.html
	@$(B)/icetank run scenarios/impair --out out/impair

.PHONY: bench
bench: all $(BENCH_BIN) ## figures of speed, a JSON line each; YARDSTICK=sol.c compares
	@B=$(B) .ci/may-skip bench tests/bench/run

.PHONY: bench-instructions
bench-instructions: all $(BENCH_BIN) ## instruction counts against tests/bench/baselines
	@B=$(B) .ci/may-skip bench-instructions tests/bench/run instructions

.PHONY: bench-ns3
bench-ns3: all $(BENCH_BIN) ## the ratio to ns-3; NS3=ns3_fwd.cc
	@B=$(B) tests/bench/ns3

.PHONY: nat
nat: all ## measure every NAT profile and judge it by the requirements of RFCs
	@$(B)/icetank nat

.PHONY: published
published: all ## run published experiments again: our value, the published one, the verdict
	@$(B)/icetank run scenarios/published --out out/published --pcap none

.PHONY: chains
chains: all ## every chain of two NATs of the nine classes against one NAT and against every other chain: 8,019 runs, each compared with the oracle
	@$(B)/icetank run tests/oracle/chains.lua --out out/chains --pcap none --jobs $$(nproc)

.PHONY: ladder
ladder: all ## every pair of NAT classes by every way that is left, in every family, for B and E: which rung carries the call; 2,475 runs
	@mkdir -p out && sed 's/^local FULL = false/local FULL = true/' scenarios/ladder/cells.lua >out/ladder.lua
	@$(B)/icetank run out/ladder.lua --out out/ladder --pcap none --jobs $$(nproc)

.PHONY: worlds
worlds: all ## worlds drawn at random, each compared with the oracle; WORLDS=20 times 1,140, from seed SEED=1
	@B=$(B) .ci/worlds $(or $(SEED),1) $(or $(WORLDS),20)

.PHONY: determinism
determinism: ## equal bytes for gcc and clang, -O0 -O2 -O3, one and two workers
	@.ci/determinism

.PHONY: determinism-aarch64 determinism-i386
determinism-aarch64: ## the same bytes from a program of that machine, by qemu; ALL=ALL: every case
	@.ci/may-skip determinism-aarch64 .ci/determinism $(ALL) aarch64
determinism-i386: ## and from one of 32 bits
	@.ci/may-skip determinism-i386 .ci/determinism $(ALL) i386

.PHONY: nightly
nightly: ## what takes too long for every change: determinism over all cases and on other machines, other stacks, a soak, fuzzing, chains, worlds, mutants
	@B=$(B) .ci/nightly

.PHONY: soak
soak: all ## an hour of a hundred calls over relays with loss: nobody is lost, and memory does not grow
	@B=$(B) .ci/soak

.PHONY: fuzz
fuzz: ## every fuzz target, or TARGETS="turn tls", for SECONDS=30 with clang's libFuzzer
	@.ci/may-skip fuzz .ci/fuzz $(if $(SECONDS),$(SECONDS),30) $(TARGETS)

# What strangers write to servers of ours: TURN and ChannelData, HTTP and WebSocket heads, TLS records.
.PHONY: fuzz-servers
fuzz-servers: ## the fuzz targets of what strangers write to servers, for ten minutes each
	@.ci/may-skip fuzz-servers .ci/fuzz 600 turn turn_dtls turn_frame stun_server stun_tcp check_relay layers http_auth proxy wsrelay dgram rtws signal tls

.PHONY: lint
lint: ## layering, forbidden calls, static state, comments, complexity, cppcheck, shellcheck, luacheck
	@$(MAKE) -q $(B)/libicetank.a >/dev/null 2>&1 && o=$(OPT) b=$(B) || o=-O0 b=$(B)/lint; \
	  $(MAKE) -s -j$$(nproc) OPT=$$o B=$$b $$b/libicetank.a && .ci/lint $$b/libicetank.a

PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
SCRIPT_LIB := $(wildcard scenarios/lib/*.lua)
INSTALLED = $(DESTDIR)$(PREFIX)/bin/icetank $(SHARE)/man/man1/icetank.1 $(SHARE)/icetank/icetank.d.lua $(SCRIPT_LIB:%=$(SHARE)/icetank/%) \
  $(WIRESHARK:reports/%=$(SHARE)/icetank/%) $(DISSECTORS:reports/%=$(SHARE)/icetank/%)

.PHONY: install
install: all ## the program, its man page, icetank.d.lua for editors, the scenario library, the Wireshark profile and dissector; PREFIX=/usr/local, DESTDIR
	@mkdir -p $(DESTDIR)$(PREFIX)/bin $(SHARE)/man/man1 $(SHARE)/icetank/scenarios/lib $(SHARE)/icetank/wireshark/profiles/icetank $(SHARE)/icetank/wireshark/plugins
	@$(B)/icetank help --man >$(B)/icetank.1 && $(B)/icetank lua-api >$(B)/icetank.d.lua
	install -m 755 $(B)/icetank $(DESTDIR)$(PREFIX)/bin/icetank
	install -m 644 $(B)/icetank.1 $(SHARE)/man/man1/icetank.1
	install -m 644 $(B)/icetank.d.lua $(SHARE)/icetank/icetank.d.lua
	install -m 644 $(SCRIPT_LIB) $(SHARE)/icetank/scenarios/lib
	install -m 644 $(WIRESHARK) $(SHARE)/icetank/wireshark/profiles/icetank
	install -m 644 $(DISSECTORS) $(SHARE)/icetank/wireshark/plugins

.PHONY: uninstall
uninstall: ## remove what install put there, with the same PREFIX and DESTDIR
	rm -f $(INSTALLED)
	@rmdir $(SHARE)/icetank/scenarios/lib $(SHARE)/icetank/scenarios $(SHARE)/icetank/wireshark/profiles/icetank \
	  $(SHARE)/icetank/wireshark/profiles $(SHARE)/icetank/wireshark/plugins $(SHARE)/icetank/wireshark $(SHARE)/icetank 2>/dev/null || true

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(patsubst %,%.d,$(basename $(LIB_OBJ) $(CLOCK_OBJ) $(call obj,$(CLI_SRC:.c=) $(GT_SRC:.c=) $(INTEROP_MAIN:.c=) $(CALL_MAIN:.c=) $(TURN_MAIN:.c=)) $(addsuffix .o,$(TEST_BIN) $(FUZZ_BIN) $(BENCH_BIN) $(MUTATE))))
