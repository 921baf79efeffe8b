/// Numbers of questions, never given twice in a walk.
final class WalkNumbers {
    private var last = 0

    func next() -> Int {
        last += 1
        return last
    }
}
