%% The peer: the workloads of apps/ on the BEAM, in the same shapes.
%%
%% erl -noshell -run beam main <workload> <arguments...>; prints
%% `RESULT <name> <value> <unit>` like the applications.
-module(beam).
-behaviour(supervisor).
-export([main/1, init/1, start_worker/0]).

main([Workload | Arguments]) ->
    run(Workload, Arguments),
    halt(0).

%% Row 1
run("spawn", [Variant, N, Parents]) ->
    Count = list_to_integer(Parents),
    Each = list_to_integer(N) div Count,
    Run = fun(M) ->
        repeat(Count, fun() -> spawn_monitor(fun() -> spawns(Variant, M) end) end),
        repeat(Count, fun() -> receive {'DOWN', _, process, _, _} -> ok end end)
    end,
    Run(max(10000, Each div 10)),
    result("spawn_" ++ Variant, Count * Each / seconds(fun() -> Run(Each) end), "processes/s");
run("spawn", [Variant, N]) ->
    Count = list_to_integer(N),
    spawns(Variant, max(10000, Count div 10)),
    Seconds = seconds(fun() -> spawns(Variant, Count) end),
    result("spawn_" ++ Variant, Count / Seconds, "processes/s");

%% Row 18: the nearest shape, a process for each call whose exit is the answer
run("calls", [Kind, N]) ->
    Count = list_to_integer(N),
    calls(Kind, Count div 10),
    Seconds = seconds(fun() -> calls(Kind, Count) end),
    result("calls_" ++ Kind, Count / Seconds, "calls/s");

%% Rows 2 and 3
run("ping", [Kind, N]) ->
    Count = list_to_integer(N),
    Pong = spawn(fun pong/0),
    ping(Kind, Pong, Count div 10),
    Seconds = seconds(fun() -> ping(Kind, Pong, Count) end),
    result("ping_" ++ Kind, Count / Seconds, "round trips/s");

%% Row 4
run("pairs", [Pairs, N, "independent"]) ->
    %% Processes are at home on no scheduler: all pairs are alike.
    run("pairs", [Pairs, N]);
run("pairs", [Pairs, N]) ->
    Count = list_to_integer(Pairs),
    Each = list_to_integer(N) div Count,
    pairs(Count, Each div 10),
    Seconds = pairs(Count, Each),
    result("pairs_" ++ Pairs, Count * Each / Seconds, "round trips/s");

%% Row 5
run("idle", [N]) ->
    Seconds = seconds(fun() ->
        repeat(list_to_integer(N), fun() ->
            spawn(fun() -> receive stop -> ok end end)
        end),
        spawn_monitor(fun() -> ok end),
        receive {'DOWN', _, process, _, _} -> ok end
    end),
    result("idle_start", Seconds, "s"),
    io:format("READY~n"),
    timer:sleep(600000);

%% Row 6
run("chain", [N]) ->
    Count = list_to_integer(N),
    chain(Count div 10),
    result("chain", chain(Count), "ms");

%% Row 7
run("star", [Kind, N]) ->
    Count = list_to_integer(N),
    star(Kind, Count div 10),
    result("star_" ++ Kind, star(Kind, Count), "ms");

%% Row 9
run("fan_in", [N]) ->
    Count = list_to_integer(N),
    fan_in(Count div 10),
    Seconds = seconds(fun() -> fan_in(Count) end),
    result("fan_in", Count * 100 / Seconds, "messages/s");

%% Row 10
run("ring", [N]) ->
    Hops = list_to_integer(N),
    Self = self(),
    First = lists:foldl(
        fun(_, Next) -> spawn(fun() -> member(Next, Self) end) end,
        Self, lists:seq(1, 99)),
    ring(First, Hops div 10),
    Seconds = seconds(fun() -> ring(First, Hops) end),
    result("ring", Hops / Seconds, "hops/s");

%% Row 8: an OTP supervisor whose intensity is never reached
run("crash_loop", [N]) ->
    logger:set_primary_config(level, none),
    Count = list_to_integer(N),
    Warm = Count div 10,
    register(bench, self()),
    spawn(fun() ->
        supervisor:start_link(?MODULE, []),
        receive stop -> ok end
    end),
    {_, [{First, _}] = Warmed} = lives(Warm, []),
    {Delays, [{_, Last}]} = lives(Count, Warmed),
    result("restarts", Count * 1.0e9 / (Last - First), "restarts/s"),
    result("restart_p99", ranked(lists:sort(Delays), 0.99) / 1.0e6, "ms");

%% Row 11
run("big", [N]) ->
    Count = list_to_integer(N),
    big(Count div 10),
    Seconds = big(Count),
    result("big", 120 * Count * 2 / Seconds, "messages/s");

%% Row 12
run("select", [N]) ->
    Count = list_to_integer(N),
    Source = spawn(fun() -> source(100) end),
    select(Source, Count div 10),
    Seconds = seconds(fun() -> select(Source, Count) end),
    result("select", Count / Seconds, "messages/s");

%% Row 13
run("timers", [N]) ->
    Count = list_to_integer(N),
    Self = self(),
    repeat(Count, fun() -> spawn(fun() -> sleeper(Self) end) end),
    Late = [receive {late, Ms} -> Ms end || _ <- lists:seq(1, Count)],
    result("timer_p99", ranked(lists:sort(Late), 0.99), "ms");

%% Rows 14 and 15
run("echo", [Kind, Others, N]) ->
    Count = list_to_integer(Others),
    Echoes = list_to_integer(N),
    Echo = spawn(fun pong/0),
    Work = case Kind of
        "hogs" ->
            repeat(Count, fun() -> spawn(fun() -> hog(0) end) end),
            fun() -> ok end;
        "keepers" ->
            Keepers = list_to_tuple(
                [spawn(fun() -> keeper(kept()) end) || _ <- lists:seq(1, Count)]),
            fun() ->
                repeat(20, fun() -> element(rand:uniform(Count), Keepers) ! {work, 1} end)
            end
    end,
    echoes(Echo, Work, Echoes div 10),
    Took = lists:sort(echoes(Echo, Work, Echoes)),
    [result(Name, ranked(Took, Rank) / 1.0e6, "ms")
        || {Name, Rank} <- [{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}]];

%% Row 16
run("cpu", [Name]) ->
    Seconds = seconds(fun() -> cpu(Name) end),
    result(Name, 1000 * Seconds, "ms").

%% The supervisor of row 8.
init([]) ->
    Worker = #{id => worker, start => {?MODULE, start_worker, []}, restart => permanent},
    {ok, {#{strategy => one_for_one, intensity => 1000000000, period => 1}, [Worker]}}.

start_worker() ->
    {ok, spawn_link(fun() ->
        Start = erlang:monotonic_time(nanosecond),
        bench ! {life, Start, erlang:monotonic_time(nanosecond)},
        exit(as_planned)
    end)}.

%% Times from the end of one life to the start of the next, and the last life.
lives(N, Before) -> lives(N, Before, []).

lives(0, Before, Delays) -> {Delays, Before};
lives(N, Before, Delays) ->
    receive {life, Start, End} ->
        Found = case Before of
            [{_, Ended} | _] -> [Start - Ended | Delays];
            _ -> Delays
        end,
        lives(N - 1, [{Start, End}], Found)
    end.

ranked(Sorted, Rank) ->
    lists:nth(ceil(length(Sorted) * Rank), Sorted).

big(N) ->
    Self = self(),
    Players = [spawn(fun() -> receive {peers, Peers} -> player(Self, Peers, N) end end)
        || _ <- lists:seq(1, 120)],
    Peers = list_to_tuple(Players),
    [Player ! {peers, Peers} || Player <- Players],
    Seconds = seconds(fun() ->
        [Player ! {Self, go} || Player <- Players],
        repeat(120, fun() -> receive done -> ok end end)
    end),
    [exit(Player, kill) || Player <- Players],
    Seconds.

player(Bench, Peers, Left) ->
    receive
        {ping, From, Payload} ->
            From ! {self(), Payload},
            player(Bench, Peers, Left);
        {_, _} when Left > 0 ->
            Peer = element(rand:uniform(tuple_size(Peers)), Peers),
            Peer ! {ping, self(), Left - 1},
            player(Bench, Peers, Left - 1);
        {_, _} ->
            Bench ! done,
            player(Bench, Peers, Left)
    end.

source(Batch) ->
    receive {more, To} -> repeat(Batch, fun() -> To ! {message, Batch} end) end,
    source(Batch).

select(_, 0) -> ok;
select(Source, N) ->
    case N rem 100 of
        0 -> Source ! {more, self()};
        _ -> ok
    end,
    receive
        {message, _} -> ok;
        {'DOWN', _, process, _, _} -> ok
    after 60000 -> error(timeout)
    end,
    select(Source, N - 1).

sleeper(Bench) ->
    Wanted = 999 + rand:uniform(2001),
    Start = erlang:monotonic_time(nanosecond),
    receive never -> ok after Wanted -> ok end,
    Bench ! {late, (erlang:monotonic_time(nanosecond) - Start) / 1.0e6 - Wanted}.

hog(N) -> hog(N + 1).

kept() -> lists:seq(1, 60).

keeper(Kept) ->
    receive {work, _} -> keeper(kept()) end,
    Kept.

echoes(_, _, 0) -> [];
echoes(Echo, Work, N) ->
    receive never -> ok after 1 -> ok end,
    Work(),
    Start = erlang:monotonic_time(nanosecond),
    Echo ! {self(), N},
    receive {Echo, _} -> ok end,
    [erlang:monotonic_time(nanosecond) - Start | echoes(Echo, Work, N - 1)].

cpu("fib") -> fib(30);
cpu("nbody") -> advance(bodies(), 1000000);
cpu("tables") ->
    repeat(20, fun() ->
        Array = array:from_list(lists:seq(1, 100000)),
        array:foldl(fun(_, Value, Sum) -> Sum + Value end, 0, Array)
    end);
cpu("strings") ->
    repeat(20, fun() ->
        Parts = [["item ", integer_to_list(I)] || I <- lists:seq(1, 50000)],
        iolist_to_binary(lists:join(",", Parts))
    end).

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

%% Sun and four planets: position, velocity, mass.
bodies() ->
    Mass = 4 * math:pi() * math:pi(),
    [{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, Mass} |
        [{5.0 * I, 0.0, I / 10, 0.0, math:sqrt(Mass / (5 * I)), 0.0, Mass / 1000 / I}
            || I <- [1, 2, 3, 4]]].

advance(Bodies, 0) -> Bodies;
advance(Bodies, N) -> advance([move(B) || B <- pull(Bodies)], N - 1).

pull([]) -> [];
pull([A | Rest]) ->
    {Pulled, Others} = pull_all(A, Rest, []),
    [Pulled | pull(Others)].

pull_all(A, [], Done) -> {A, lists:reverse(Done)};
pull_all({X, Y, Z, VX, VY, VZ, M}, [{X2, Y2, Z2, VX2, VY2, VZ2, M2} | Rest], Done) ->
    {DX, DY, DZ} = {X - X2, Y - Y2, Z - Z2},
    Square = DX * DX + DY * DY + DZ * DZ,
    Pull = 0.001 / (Square * math:sqrt(Square)),
    A = {X, Y, Z, VX - DX * M2 * Pull, VY - DY * M2 * Pull, VZ - DZ * M2 * Pull, M},
    B = {X2, Y2, Z2, VX2 + DX * M * Pull, VY2 + DY * M * Pull, VZ2 + DZ * M * Pull, M2},
    pull_all(A, Rest, [B | Done]).

move({X, Y, Z, VX, VY, VZ, M}) ->
    {X + 0.001 * VX, Y + 0.001 * VY, Z + 0.001 * VZ, VX, VY, VZ, M}.

spawns("sequential", N) -> sequential(N);
spawns("batches", N) -> batches(N).

sequential(0) -> ok;
sequential(N) ->
    {_, Reference} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Reference, process, _, _} -> ok end,
    sequential(N - 1).

batches(N) when N =< 0 -> ok;
batches(N) ->
    repeat(10000, fun() -> spawn_monitor(fun() -> ok end) end),
    repeat(10000, fun() -> receive {'DOWN', _, process, _, _} -> ok end end),
    batches(N - 10000).

ping(_, _, 0) -> ok;
ping(Kind, Pong, N) ->
    Pong ! {self(), payload(Kind, N)},
    receive {Pong, _} -> ok end,
    ping(Kind, Pong, N - 1).

payload("scalar", N) -> N;
payload("table", N) -> #{n => N, tag => <<"ping">>, list => [1, 2, 3]}.

pong() ->
    receive {From, Payload} -> From ! {self(), Payload} end,
    pong().

pairs(Count, Each) ->
    Self = self(),
    Pings = [begin
        Pong = spawn(fun pong/0),
        spawn(fun() ->
            Self ! up,
            receive go -> ok end,
            ping("scalar", Pong, Each),
            Self ! done
        end)
    end || _ <- lists:seq(1, Count)],
    repeat(Count, fun() -> receive up -> ok end end),
    seconds(fun() ->
        [Ping ! go || Ping <- Pings],
        repeat(Count, fun() -> receive done -> ok end end)
    end).

link_of_chain(0, Bench) ->
    Bench ! {tail, self()},
    receive stop -> ok end;
link_of_chain(Rest, Bench) ->
    spawn_link(fun() -> link_of_chain(Rest - 1, Bench) end),
    receive stop -> ok end.

chain(N) ->
    Self = self(),
    Head = spawn(fun() -> link_of_chain(N - 1, Self) end),
    receive {tail, Tail} -> monitor(process, Tail) end,
    1000 * seconds(fun() ->
        exit(Head, kill),
        receive {'DOWN', _, process, _, _} -> ok end
    end).

star(Kind, N) ->
    Self = self(),
    Hub = spawn(fun() -> receive stop -> ok end end),
    Point = fun() ->
        case Kind of
            "links" -> link(Hub);
            "monitors" -> monitor(process, Hub)
        end,
        Self ! up,
        receive {'DOWN', _, process, _, _} -> ok end
    end,
    points(N, Point),
    repeat(N, fun() -> receive up -> ok end end),
    1000 * seconds(fun() ->
        exit(Hub, kill),
        repeat(N div 100, fun() -> receive {'DOWN', _, process, _, _} -> ok end end)
    end).

points(0, _) -> ok;
points(N, Point) when N rem 100 =:= 0 -> spawn_monitor(Point), points(N - 1, Point);
points(N, Point) -> spawn(Point), points(N - 1, Point).

fan_in(N) ->
    Self = self(),
    repeat(N, fun() -> spawn(fun() -> fan_in_send(Self, 100) end) end),
    repeat(N * 100, fun() -> receive {message, _} -> ok end end).

fan_in_send(_, 0) -> ok;
fan_in_send(To, I) -> To ! {message, I}, fan_in_send(To, I - 1).

member(Next, Bench) ->
    receive
        {token, 0} -> Bench ! done;
        {token, Left} -> Next ! {token, Left - 1}
    end,
    member(Next, Bench).

ring(First, Hops) ->
    First ! {token, Hops - 1},
    ring_wait(First).

ring_wait(First) ->
    receive
        done -> ok;
        {token, 0} -> ok;
        {token, Left} -> First ! {token, Left - 1}, ring_wait(First)
    end.

calls(_, 0) -> ok;
calls("futures", N) ->
    Refs = [answer(I) || I <- lists:seq(1, 1000)],
    [receive {'DOWN', Ref, process, _, {ok, _}} -> ok end || Ref <- Refs],
    calls("futures", N - 1000);
calls("scalar", N) -> calls(N), calls("scalar", N - 1);
calls("table", N) ->
    calls(#{n => N, tag => <<"call">>, list => [1, 2, 3]}),
    calls("table", N - 1).

calls(Value) ->
    Ref = answer(Value),
    receive {'DOWN', Ref, process, _, {ok, _}} -> ok end.

answer(Value) ->
    {_, Ref} = spawn_monitor(fun() -> exit({ok, Value}) end),
    Ref.

repeat(0, _) -> ok;
repeat(N, Do) -> Do(), repeat(N - 1, Do).

seconds(Do) ->
    Start = erlang:monotonic_time(nanosecond),
    Do(),
    (erlang:monotonic_time(nanosecond) - Start) / 1.0e9.

result(Name, Value, Unit) ->
    io:format("RESULT ~s ~g ~s~n", [Name, float(Value), Unit]).
