%% The peer: the workloads of apps/ on the BEAM, in the same shapes.
%%
%% erl -noshell -run beam main <workload> <arguments...>; prints
%% `RESULT <name> <value> <unit>` like the applications.
-module(beam).
-export([main/1]).

main([Workload | Arguments]) ->
    run(Workload, Arguments),
    halt(0).

%% Row 1
run("spawn", [Variant, N]) ->
    Run = case Variant of
        "sequential" -> fun sequential/1;
        "batches" -> fun batches/1
    end,
    Count = list_to_integer(N),
    Run(max(10000, Count div 10)),
    Seconds = seconds(fun() -> Run(Count) end),
    result("spawn_" ++ Variant, Count / Seconds, "processes/s");

%% Rows 2 and 3
run("ping", [Kind, N]) ->
    Count = list_to_integer(N),
    Pong = spawn(fun pong/0),
    ping(Kind, Pong, Count div 10),
    Seconds = seconds(fun() -> ping(Kind, Pong, Count) end),
    result("ping_" ++ Kind, Count / Seconds, "round trips/s");

%% Row 4
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
    result("ring", Hops / Seconds, "hops/s").

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

repeat(0, _) -> ok;
repeat(N, Do) -> Do(), repeat(N - 1, Do).

seconds(Do) ->
    Start = erlang:monotonic_time(nanosecond),
    Do(),
    (erlang:monotonic_time(nanosecond) - Start) / 1.0e9.

result(Name, Value, Unit) ->
    io:format("RESULT ~s ~g ~s~n", [Name, float(Value), Unit]).
